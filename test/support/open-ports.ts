import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process, and all that it has started. Linux only. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => processTree(Number(child)))];
}

/** In the tables of sockets. Source: proc_pid_net(5) */
const listening = "0A";

/**
 * Where processes can be reached: sockets that take connections of TCP, and all of UDP, as `tcp 0100007F:1F90`, with the
 * address as in the tables of the system. Linux only.
 */
export function openPorts(pids: readonly number[]): string[] {
  const found = new Set<string>();
  for (const pid of pids) {
    const own = new Set(
      readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)),
    );
    for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
      const [, ...lines] = readFileSync(`/proc/${pid}/net/${table}`, "utf8").trimEnd().split("\n");
      for (const line of lines) {
        const cells = line.trim().split(/\s+/);
        const isOpen = table.startsWith("udp") || cells[3] === listening;
        if (isOpen && own.has(`socket:[${cells[9]}]`)) found.add(`${table} ${cells[1]}`);
      }
    }
  }
  return [...found];
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It has been closed since.
    return "";
  }
}
