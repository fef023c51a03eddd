import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { callRest, createPlace, demo, profileUrl } from "../cli/serving.ts";
import { root, runProgram } from "../support/child.ts";
import { frameTypes, http2Frame, http2Opening, openRaw } from "../wire/raw.ts";

// Long because of the scripts that its tests run in processes of their own.

/** Run a script that has a log, in a process of its own. */
function runWithLog(script: string) {
  const module = `import { createLog } from "./src/telemetry/log.ts";\n${script}`;
  return runProgram(process.execPath, ["--input-type=module", "--eval", module], { cwd: root });
}

/** @throws Error if a line is not JSON. */
function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

describe("createLog", () => {
  test("has the type, message, code and stack of an error, and no field that a driver adds", async () => {
    const { stderr } = await runWithLog(`
      const cause = Object.assign(new TypeError("inner"), { detail: "Key (name)=(okapi)", code: "23505" });
      const error = Object.assign(new Error("outer", { cause }), { row: { name: "okapi" } });
      const log = createLog("info");
      log.error({ err: error }, "failed");
      log.error({ err: { name: "okapi" } }, "failed");
      log.error({ err: "okapi" }, "failed");
    `);
    expect(linesOf(stderr)).toMatchObject([
      {
        level: 50,
        severity: "error",
        msg: "failed",
        err: {
          type: "Error",
          message: "outer",
          stack: expect.stringContaining("at "),
          cause: { type: "TypeError", message: "inner", code: "23505" },
        },
      },
      { err: { type: "object" } },
      { err: { type: "string" } },
    ]);
    expect(stderr).not.toContain("okapi");
  });

  test("copes with an error that is its own cause", async () => {
    const { code, stderr } = await runWithLog(`
      const error = new Error("round");
      error.cause = error;
      createLog("info").error({ err: error });
    `);
    expect(code).toBe(0);
    expect(linesOf(stderr)).toMatchObject([{ err: { message: "round" } }]);
  });

  /** 5,000 lines, some of them gathered in batches, then what ends the process. */
  async function writeNumbers(end: string): Promise<unknown[]> {
    const { code, stderr } = await runWithLog(`
      const log = createLog("info");
      for (let line = 0; line < 5_000; line += 1) {
        log.info({ line });
        if (line % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
      }
      ${end}
    `);
    expect(code).toBe(0);
    return linesOf(stderr).map(({ line }) => line);
  }
  const numbers = Array.from({ length: 5_000 }, (_, line) => line);

  test("has written everything in order when the process has nothing more to do", async () => {
    expect(await writeNumbers("")).toEqual(numbers);
  });

  test("has written everything when the process exits, at most the batch in flight out of order", async () => {
    const written = await writeNumbers("process.exit(0);");
    expect(written.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers);
    const stepsBack = written.filter((line, index) => Number(line) < Number(written[index - 1]));
    expect(stepsBack.length).toBeLessThanOrEqual(1);
  });

  test("has written a fatal line before `fatal` returns", async () => {
    const { stderr } = await runWithLog(`
      const log = createLog("info");
      log.info("before");
      log.fatal("the end");
      process.kill(process.pid, "SIGKILL");
    `);
    expect(linesOf(stderr).map(({ msg }) => msg)).toEqual(["before", "the end"]);
  });

  test("O3: loses neither a fatal line nor lines in flight, however busy other threads are", async () => {
    const { code, stderr } = await runWithLog(`
      import { pbkdf2 } from "node:crypto";
      const log = createLog("info");
      process.on("uncaughtException", (error) => {
        log.fatal({ err: error }, "the end");
        process.exit(70);
      });
      // Keep all threads of the pool busy: what is written now waits for them.
      for (let thread = 0; thread < 4; thread += 1) pbkdf2("a", "b", 300_000, 32, "sha512", () => {});
      for (let line = 0; line < 1_000; line += 1) log.info(String(line));
      await new Promise((resolve) => setTimeout(resolve, 15));
      log.info("gathered");
      throw new Error("unforeseen");
    `);
    expect(code).toBe(70);
    const said = linesOf(stderr).map(({ msg }) => msg);
    const numbers = Array.from({ length: 1_000 }, (_, line) => String(line));
    expect(said.toSorted()).toEqual([...numbers, "gathered", "the end"].toSorted());
    expect(said.indexOf("the end")).toBeGreaterThan(said.indexOf("gathered"));
  });
});

describe("createCloseLog", () => {
  test("writes 100 lines at once and one a second, and counts what it omits", async () => {
    const { stderr } = await runWithLog(`
      import { createCloseLog } from "./src/telemetry/close-log.ts";
      let now = 0;
      const close = createCloseLog(createLog("info"), () => now);
      const closed = { reason: "bad_frame", isPlanned: false, streams: 1, ageMs: 1.5 };
      for (let count = 0; count < 1_000; count += 1) close(closed);
      close({ ...closed, isPlanned: true });
      now = 2_500;
      for (let count = 0; count < 10; count += 1) close(closed);
      now = 1_000_000;
      for (let count = 0; count < 200; count += 1) close(closed);
    `);
    const line = { severity: "info", reason: "bad_frame", streams: 1, ageMs: 2 };
    const lines = linesOf(stderr);
    expect(lines).toHaveLength(202);
    for (const each of lines) expect(each).toMatchObject(line);
    expect(lines.map(({ omitted }) => omitted).filter((count) => count !== undefined)).toEqual([
      900, 8,
    ]);
  });
});

describe("a server that is busy", () => {
  test.for([
    { name: "a file", shared: true, stderr: '2>"$1"' },
    { name: "a pipe of its own", shared: false, stderr: '2>&1 >/dev/null | cat >"$1"' },
  ])("writes to $name what waits within a few turns of its event loop", async (row) => {
    const file = join(mkdtempSync(join(tmpdir(), "giraffe-log-")), "log");
    onTestFinished(() => rmSync(dirname(file), { recursive: true }));
    const script = `
      import { createLog } from "./src/telemetry/log.ts";
      const log = createLog("info", ${row.shared});
      // Time of the processor: on a busy machine, others have as much of it meanwhile as on a quiet one.
      const spentMs = () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1_000;
      };
      for (let line = 0; line < 20_000; line += 1) log.info({ line });
      for (let turn = 0; turn < 40; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        const end = spentMs() + 20;
        while (spentMs() < end) {}
      }
      process.kill(process.pid, "SIGKILL");
    `;
    const command = `exec "$0" --input-type=module --eval "$2" ${row.stderr}`;
    await runProgram("sh", ["-c", command, process.execPath, file, script], { cwd: root });
    const numbers = Array.from({ length: 20_000 }, (_, line) => line);
    expect(linesOf(readFileSync(file, "utf8")).map(({ line }) => line)).toEqual(numbers);
  });
});

describe("a pipe that is full and does not block", () => {
  /** The reader begins a second late, when the log waits to try again. */
  const pipe = '"$0" "$@" 2>&1 >/dev/null | (sleep 1; cat)';

  test("O3: loses no line, whatever waits to be tried again when the process crashes", async () => {
    const { stdout } = await runProgram(
      "sh",
      [
        "-c",
        pipe,
        process.execPath,
        "--input-type=module",
        "--eval",
        `
        import { createLog } from "./src/telemetry/log.ts";
        // Node.js makes the descriptor of a pipe non-blocking when it opens the stream.
        process.stderr.on("error", () => {});
        const log = createLog("info");
        for (let line = 0; line < 5_000; line += 1) log.info(String(line));
        await new Promise((resolve) => setTimeout(resolve, 500));
        log.fatal("the end");
        process.kill(process.pid, "SIGKILL");
      `,
      ],
      { cwd: root },
    );
    const numbers = Array.from({ length: 5_000 }, (_, line) => String(line));
    expect(linesOf(stdout).map(({ msg }) => msg)).toEqual([...numbers, "the end"]);
  });

  test("ends if nobody can read any more", async () => {
    const { code } = await runWithLog(`
      import { closeSync } from "node:fs";
      const log = createLog("info");
      closeSync(2);
      for (let line = 0; line < 5_000; line += 1) log.info(String(line));
      log.fatal("the end");
      process.exit(70);
    `);
    expect(code).toBe(70);
  });
});

describe("the log of a server", () => {
  const profile = { firstName: "Persephone", lastName: "Okapi", displayName: "P. Okapi" };

  test("has one line for each request, with the id that the answer had", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const ids: (string | null)[] = [];
    const visit = async (path: string, init: RequestInit) => {
      const answer = await fetch(`${server.url}${path}`, init);
      await answer.arrayBuffer();
      ids.push(answer.headers.get("x-request-id"));
    };
    const authorization = `Bearer ${place.token()}`;
    const path = `/management/v1/users/${demo.userId}/profile`;
    const body = JSON.stringify(profile);
    await visit(path, { method: "PUT", headers: { authorization }, body });
    await visit(path, { method: "PUT", headers: { authorization }, body });
    await visit(path, { method: "PUT", headers: { authorization: "Bearer okapi" }, body });
    await visit("/nowhere", {});
    server.kill("SIGTERM");
    const { stderr } = await server.ended;
    const lines = linesOf(stderr).filter(({ requestId }) => requestId !== undefined);
    const method = "zitadel.management.v1.ManagementService/UpdateHumanProfile";
    expect(lines).toMatchObject([
      { level: 30, severity: "info", protocol: "rest", method, status: 200, msg: "request" },
      { protocol: "rest", method, status: 400, code: "failed_precondition" },
      { protocol: "rest", method, status: 401, code: "unauthenticated" },
      { protocol: "http", status: 404 },
    ]);
    expect(lines.map(({ requestId }) => requestId)).toEqual(ids);
    for (const line of lines) {
      expect(line.durationMs).toEqual(expect.any(Number));
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const known = ["level", "severity", "time", "requestId", "protocol", "method"];
      const fields = [...known, "status", "code", "durationMs", "msg"];
      expect(Object.keys(line).filter((key) => !fields.includes(key))).toEqual([]);
    }
  });

  test("says why an HTTP/2 connection was closed", async () => {
    const server = await createPlace().serve("--demo");
    using connection = await openRaw(Number(new URL(server.url).port));
    const closed = connection.closed();
    connection.send(
      Buffer.concat([http2Opening, http2Frame(frameTypes.ping, 0, 1, Buffer.alloc(8))]),
    );
    await closed;
    server.kill("SIGTERM");
    const { stderr } = await server.ended;
    const lines = linesOf(stderr).filter(({ msg }) => msg === "connection closed");
    expect(lines).toMatchObject([{ severity: "info", reason: "bad_frame", streams: 0 }]);
    const fields = ["level", "severity", "time", "reason", "streams", "ageMs", "msg"];
    expect(Object.keys(lines[0] ?? {})).toEqual(fields);
  });

  test("has the path of the server's own pages, and of nothing else that a caller sends", async () => {
    const server = await createPlace().serve("--demo");
    for (const path of ["/docs", "/openapi.json?token=okapi", "/okapi", "/docs/okapi"]) {
      await (await fetch(`${server.url}${path}`)).arrayBuffer();
    }
    server.kill("SIGTERM");
    const { stderr } = await server.ended;
    const lines = linesOf(stderr).filter(({ requestId }) => requestId !== undefined);
    expect(lines.map(({ path, status }) => [path, status])).toEqual([
      ["/docs", 200],
      ["/openapi.json", 200],
      [undefined, 404],
      [undefined, 404],
    ]);
    expect(stderr).not.toContain("okapi");
  });

  test.for(["info", "debug"])(
    "has probes and scrapes at level debug, if they are answered well: %s",
    async (level) => {
      const server = await createPlace().serve("--demo", "--log-level", level);
      const paths = ["/debug/healthz", "/debug/ready", "/debug/metrics", "/management/v1/healthz"];
      for (const path of paths) expect((await fetch(`${server.url}${path}`)).status).toBe(200);
      const service = "grpc.health.v1.Health";
      const check = (name: string) =>
        fetch(`${server.url}/${service}/Check`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ service: name }),
        });
      expect((await check("")).status).toBe(200);
      expect((await check("okapi")).status).toBe(404);
      server.kill("SIGTERM");
      const lines = linesOf((await server.ended).stderr).filter(({ requestId }) => requestId);
      const probes = lines.filter(({ status }) => status === 200);
      expect(lines.filter(({ status }) => status === 404)).toMatchObject([{ severity: "info" }]);
      expect(probes.map(({ severity, path, method }) => [severity, path ?? method])).toEqual(
        level === "info"
          ? []
          : [
              ...paths.slice(0, 3).map((path) => ["debug", path]),
              ["debug", "zitadel.management.v1.ManagementService/Healthz"],
              ["debug", `${service}/Check`],
            ],
      );
    },
  );

  test("has no lines below --log-level", async () => {
    const server = await createPlace().serve("--demo", "--log-level", "error");
    expect((await fetch(`${server.url}/debug/healthz`)).status).toBe(200);
    server.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("O1: holds nothing of 500 requests with a canary in every field and header", async () => {
    const place = createPlace();
    const server = await place.serve("--demo", "--log-level", "trace");
    const canary = "kanarienvogel";
    const wild = `${canary}\u001b[31m\r\n{"level":50,"msg":"${canary}"}\u2028`;
    const statuses = new Set<number>();
    const names = { firstName: wild, lastName: wild, nickName: wild, displayName: wild };
    const token = place.token();
    for (const _ of Array(100).keys()) {
      const users = `${server.url}/management/v1/users`;
      const user = { userName: wild, email: { email: `${canary}@${canary}.example` } };
      const answers = [
        await callRest("PUT", profileUrl(server), token, { ...names, preferredLanguage: canary }),
        await callRest("PUT", profileUrl(server), canary, names),
        await callRest("POST", `${users}/human/_import`, token, { ...user, profile: names }),
        await callRest("PUT", `${users}/${encodeURIComponent(wild)}/profile`, token, names),
      ];
      for (const { status } of answers) statuses.add(status);
      using connection = await openRaw(Number(new URL(server.url).port));
      const headers = [
        "Authorization",
        "X-Zitadel-Orgid",
        "X-Request-Id",
        "Traceparent",
        "User-Agent",
      ];
      const values = headers.map((name) => `${name}: ${canary}\u2028\\r\\n${canary}\r\n`);
      connection.send(
        Buffer.from(
          `PUT /${canary}%0d%0a?x=${canary} HTTP/1.1\r\nHost: ${canary}\r\n${values.join("")}\r\n`,
        ),
      );
      await connection.until(/\r\n\r\n/);
    }
    expect(statuses).toEqual(new Set([200, 400, 401, 409]));
    server.kill("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expect(stdout + stderr).not.toContain(canary);
    expect(linesOf(stderr).filter(({ requestId }) => requestId !== undefined)).toHaveLength(500);
  });

  test("delays no call if its reader does not read", async () => {
    const place = createPlace();
    const pipe = join(place.folder, "pipe");
    await runProgram("mkfifo", [pipe]);
    const reader = openSync(pipe, "r+");
    const argv = ["--database", place.database, "--listen", "127.0.0.1:0", "--log-level=debug"];
    const child = spawn(process.execPath, ["src/main.js", "serve", ...argv], {
      cwd: root,
      stdio: ["ignore", "pipe", reader],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [banner] = await once(child.stdout?.setEncoding("utf8") as Readable, "data");
    const url = /^ready (\S+)\n/m.exec(banner)?.[1];
    // Ten times what a pipe holds.
    const visits = 5_000;
    const visit = async () => (await fetch(`${url}/debug/healthz`)).text();
    for (const _ of Array(visits / 50).keys()) {
      await Promise.all(Array.from({ length: 50 }, visit));
    }
    let heard = "";
    const socket = new Socket({ fd: reader, writable: false }).setEncoding("utf8");
    socket.on("data", (piece) => {
      heard += piece;
    });
    child.kill("SIGTERM");
    await once(child, "exit");
    await expect.poll(() => heard.endsWith('"msg":"stopped"}\n')).toBe(true);
    socket.destroy();
    expect(linesOf(heard).filter(({ requestId }) => requestId !== undefined)).toHaveLength(visits);
  });
});
