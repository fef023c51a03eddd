import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { root, startProgram } from "../support/child.ts";
import { openPorts, processTree } from "../support/open-ports.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { createPlace } from "./serving.ts";

const debugged = ["--inspect=127.0.0.1:0", "src/main.js", "serve", "--listen", "127.0.0.1:0"];

describe("serve", () => {
  test("O6: refuses to start with a debugger that is open", async () => {
    const { database } = createPlace();
    const server = startProgram(process.execPath, [...debugged, "--database", database], {
      cwd: root,
    });
    onTestFinished(() => server.kill("SIGKILL"));
    const { code, stdout, stderr } = await server.ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^giraffe: the debugger of Node\.js is open.*without --inspect/m);
  });

  test("O6: lets a server for tests be debugged", async () => {
    const tokenFile = join(createPlace().folder, "admin.token");
    const memory = ["--test", "--database", "sqlite::memory:", "--admin-token-file", tokenFile];
    const server = startProgram(process.execPath, [...debugged, ...memory], { cwd: root });
    onTestFinished(() => server.kill("SIGKILL"));
    await server.until("stdout", /^ready /m);
  });

  test
    .runIf(process.platform === "linux")
    .for<{ name: string; url?: () => Promise<string>; flags: string[] }>([
      { name: "SQLite", flags: [] },
      {
        name: "PostgreSQL with several processes",
        url: newPostgresDatabase,
        flags: ["--workers", "2"],
      },
    ])("O6: opens the port that it was given and no other, on $name", async ({ url, flags }) => {
    const place = createPlace(await url?.());
    const server = await place.serve(...flags);
    const port = Number(new URL(server.url).port);
    const own = `tcp 0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const processes = processTree(server.pid);
    expect(processes).toHaveLength(flags.length === 0 ? 1 : 3);
    expect(openPorts(processes)).toEqual([own]);
    // To any other program in Node.js this signal says that it is to open its debugger.
    for (const pid of processes) process.kill(pid, "SIGUSR1");
    await pause(1_000);
    expect(openPorts(processTree(server.pid))).toEqual([own]);
    expect((await fetch(`${server.url}/debug/healthz`)).status).toBe(200);
  });
});
