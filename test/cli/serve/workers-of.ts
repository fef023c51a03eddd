import { readFileSync } from "node:fs";

/** Process ids of the workers of a server, as Linux tells them; the oldest first. */
export function workersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").filter(Boolean).map(Number);
}
