import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startGiraffe } from "../../support/child.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { createPlace, profile, profileUrl, type Serving } from "../serving.ts";

describe("a signal", () => {
  test("lets a call in flight end, and refuses new connections", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const call = await startCall(server, place.token());
    server.kill("SIGTERM");
    await server.until("stderr", /"msg":"draining"/);
    await expect(fetch(`${server.url}/debug/healthz`)).rejects.toThrow("fetch failed");
    expect(await call.finish()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*"sequence":"2"/s);
    expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/stopped/) });
  });

  test.for([1, 2, 3])("is heard as soon as the server is ready: %s", async () => {
    const server = await createPlace().serve();
    server.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/stopped/) });
  });

  // The server sends itself the signal in the midst of its start.
  test.for([
    {
      when: "before it has a database",
      workers: "1",
      preload: `process.on("newListener", (name) => {
        if (name === "uncaughtException") process.kill(process.pid, "SIGHUP");
      });`,
    },
    {
      when: "when a worker starts",
      workers: "2",
      preload: `import cluster from "node:cluster";
      cluster.on("fork", () => process.kill(process.pid, "SIGHUP"));`,
    },
  ])("SIGHUP does not end a start: $when", async ({ workers, preload }) => {
    const place = createPlace(await newPostgresDatabase());
    const server = startGiraffe(
      [
        ...["serve", "--workers", workers, "--listen", "127.0.0.1:0"],
        ...["--database", place.database, "--admin-token-file", join(place.folder, "token")],
      ],
      { preload: `data:text/javascript,${encodeURIComponent(preload)}` },
    );
    onTestFinished(() => server.kill("SIGKILL"));
    await server.until("stdout", /^ready /m);
    server.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0 });
  });

  test("breaks a call off that takes longer than --drain-ms", async () => {
    const place = createPlace();
    const server = await place.serve("--demo", "--drain-ms", "100");
    await startCall(server, place.token());
    server.kill("SIGTERM");
    expect(await server.ended).toMatchObject({ code: 0 });
  });

  test("ends at once when it comes a second time", async () => {
    const place = createPlace();
    const server = await place.serve("--demo", "--drain-ms", "3600000");
    await startCall(server, place.token());
    server.kill("SIGTERM");
    await server.until("stderr", /"msg":"draining"/);
    server.kill("SIGTERM");
    const { code, stderr } = await server.ended;
    expect(code).toBe(1);
    expect(stderr).not.toContain("stopped");
  });
});

/** Begin a change of the demo user: send the head, and wait until the server wants the body. */
async function startCall(
  server: Serving,
  token: string,
): Promise<{
  /** Send the body; returns the whole answer. */
  finish(): Promise<string>;
}> {
  const body = JSON.stringify(profile);
  const { hostname, port, pathname, host } = new URL(profileUrl(server));
  const socket = connect(Number(port), hostname);
  const answered = collect(socket);
  socket.write(
    `PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  return {
    finish() {
      socket.write(body);
      return answered.then((text) => text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ""));
    },
  };
}

function collect(socket: Socket): Promise<string> {
  let text = "";
  socket.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  return new Promise((resolve) => {
    socket.on("error", () => {}).once("close", () => resolve(text));
  });
}
