import { gzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type EchoServer, startEcho } from "./echo.ts";
import {
  exchangeRaw,
  frameFlags,
  framesOf,
  frameTypes,
  type Http2Frame,
  headerBlock,
  http2Frame,
  http2Opening,
  openHttp2,
  openRaw,
  requestHttp2,
  statuses,
} from "./raw.ts";
import { binaryNote, envelope, speakers } from "./speak.ts";

// Defects of other servers for Node.js, one by one. After each, the server still answers.

const path = "/echo.v1.EchoService/Echo";
const grpcHeaders = { ":method": "POST", ":path": path, "content-type": "application/grpc" };

async function expectAlive(server: EchoServer): Promise<void> {
  for (const { say } of speakers) {
    expect(await say(server)).toMatchObject({ code: 0, note: { id: "7", text: "hello" } });
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

describe("R1, W21: a malformed host is refused", () => {
  test.for([
    { name: "nothing, in HTTP/1.0", head: "HTTP/1.0\r\nHost:\r\n" },
    { name: "an open bracket", head: "HTTP/1.1\r\nHost: [\r\n" },
    { name: "a space", head: "HTTP/1.1\r\nHost: a b\r\n" },
    { name: "nothing", head: "HTTP/1.1\r\nHost:\r\n" },
  ])("on HTTP/1: $name", async ({ head }) => {
    await using server = await startEcho();
    const request = `POST ${path} ${head}Connection: close\r\nContent-Length: 0\r\n\r\n`;
    expect(statuses(await exchangeRaw(server.port, request))).toEqual([400]);
    await expectAlive(server);
  });

  test("on HTTP/2: an open bracket", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const answer = await requestHttp2(session, { ...grpcHeaders, ":authority": "[" });
    expect(answer.status).toBe(400);
    await expectAlive(server);
  });
});

describe("R2: a lone surrogate in an error's message reaches the client as U+FFFD", () => {
  test.for(speakers)("$name", async ({ say }) => {
    const error = new ConnectError("half \ud800", Code.Aborted);
    let isBroken = true;
    await using server = await startEcho({
      echo: (note) => (isBroken ? Promise.reject(error) : note),
    });
    expect(await say(server)).toMatchObject({
      code: Code.Aborted,
      message: "half \ufffd",
      details: ["google.rpc.ErrorInfo"],
    });
    isBroken = false;
    await expectAlive(server);
  });

  test.for(["application/grpc", "application/grpc-web", "application/connect+proto"])(
    "at the end of a stream as %s",
    async (contentType) => {
      await using server = await startEcho({
        async *spread(note) {
          yield note;
          throw new ConnectError("half \ud800", Code.Aborted);
        },
      });
      using session = openHttp2(server.port);
      const answer = await requestHttp2(
        session,
        {
          ...grpcHeaders,
          ":path": "/echo.v1.EchoService/Spread",
          "content-type": contentType,
        },
        envelope(binaryNote()),
      );
      const sent = `${answer.trailers["grpc-message"]} ${answer.body}`;
      expect(decodeURIComponent(sent)).toContain("half \ufffd");
      expect(answer.reset).toBe(0);
    },
  );
});

describe("R3: metadata that cannot be sent costs neither the answer nor the process", () => {
  const metadata = [
    { name: "a control character", field: ["x-note", "a\u0001b"] },
    { name: "a character beyond Latin-1's ASCII half", field: ["x-note", "\u00e9"] },
    { name: "a header of the connection", field: ["connection", "close"] },
    { name: "a header of the transfer", field: ["transfer-encoding", "chunked"] },
  ] as const;
  const cases = speakers.flatMap((speaker) =>
    metadata.flatMap(({ name, field }) =>
      (["responseHeader", "responseTrailer"] as const).map((place) => ({
        ...speaker,
        what: `${name} in ${place}`,
        field,
        place,
      })),
    ),
  );
  test.for(cases)("$name: $what", async ({ say, field: [name, value], place }) => {
    let fields = [[name, value] as const];
    await using server = await startEcho({
      echo(note, context) {
        for (const field of fields) context[place].set(...field);
        return note;
      },
    });
    await say(server).catch(() => undefined);
    fields = [];
    await expectAlive(server);
    expect(server.outcomes).toHaveLength(1 + speakers.length);
  });

  test("gRPC over HTTP/1", async () => {
    let value = "a\u0001b";
    await using server = await startEcho({
      echo(note, context) {
        context.responseTrailer.set("x-note", value);
        return note;
      },
    });
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/grpc" },
      body: new Uint8Array(envelope(binaryNote())),
    });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ code: 13, message: "internal error" });
    expect(server.outcomes).toMatchObject([{ status: 500, error: { code: Code.Internal } }]);
    value = "ab";
    await expectAlive(server);
  });
});

describe("R4, W10: a declared length is not believed", () => {
  test("Content-Length: 3000000000", async () => {
    await using server = await startEcho();
    const requests = Array.from({ length: 20 }, () =>
      exchangeRaw(
        server.port,
        `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 3000000000\r\n\r\n`,
      ),
    );
    for (const answer of await Promise.all(requests)) expect(statuses(answer)).toEqual([429]);
    await expectAlive(server);
  });

  test("a length prefix of 4 GB", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const before = process.memoryUsage().arrayBuffers;
    const unfinished = Array.from({ length: 40 }, () =>
      requestHttp2(session, grpcHeaders, envelope(Buffer.alloc(0), 0, 0xfffffff0), false),
    );
    const answers = Array.from({ length: 40 }, () =>
      requestHttp2(session, grpcHeaders, envelope(Buffer.alloc(0), 0, 0xfffffff0)),
    );
    for (const { trailers } of await Promise.all(answers)) {
      expect(trailers["grpc-status"]).toBe(String(Code.ResourceExhausted));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64e6);
    session.destroy();
    await Promise.all(unfinished);
    await expectAlive(server);
  });
});

describe("R5: a long deadline is shortened, not overflowed", () => {
  test.for([
    { name: "gRPC", headers: { "grpc-timeout": "600H" } },
    { name: "gRPC-Web", headers: { "grpc-timeout": "99999999H" } },
    { name: "Connect JSON", headers: { "connect-timeout-ms": "9999999999" } },
    { name: "REST", headers: { "grpc-timeout": "99999999H" } },
  ])("$name", async ({ name, headers }) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    let remainingMs: number | undefined;
    await using server = await startEcho({
      async echo(note, context) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        remainingMs ??= context.timeoutMs();
        return note;
      },
    });
    const speaker = speakers.find((each) => each.name === name);
    expect(await speaker?.say(server, { headers })).toMatchObject({ code: 0 });
    expect(remainingMs).toBeGreaterThan(30_000);
    expect(remainingMs).toBeLessThanOrEqual(60_000);
    await expectAlive(server);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});

describe("R6: the deadline ends a call whose handler ignores the signal", () => {
  test.for(speakers)("$name", async ({ say }) => {
    let isStuck = true;
    await using server = await startEcho({ echo: (note) => (isStuck ? never() : note) });
    expect(await say(server, { timeoutMs: 50 })).toMatchObject({ code: Code.DeadlineExceeded });
    isStuck = false;
    await expectAlive(server);
  });
});

describe("R7, W17: a compression bomb is not decompressed", () => {
  const bomb = gzipSync(Buffer.alloc(60e6));
  test.for(speakers)("$name", async ({ say }) => {
    await using server = await startEcho();
    const before = process.memoryUsage().arrayBuffers;
    const reply = await say(server, { payload: bomb, encoding: "gzip" });
    expect(reply).toMatchObject({ code: Code.ResourceExhausted });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32e6);
    await expectAlive(server);
  });
});

describe("R8, W11: a slow client is cut off", () => {
  test.concurrent("R8: whose body trickles on HTTP/1", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
    );
    const trickle = setInterval(() => connection.send(" "), 300);
    expect(statuses(await connection.closed())).toEqual([504]);
    clearInterval(trickle);
    await expectAlive(server);
  });

  test.concurrent("R14: whose headers trickle, though the connection was handed over", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send("GET /page HTTP/1.1\r\n");
    const trickle = setInterval(() => connection.send("x: y\r\n"), 300);
    expect(statuses(await connection.closed())).toEqual([408]);
    clearInterval(trickle);
    await expectAlive(server);
  });

  test.concurrent("R8: whose body trickles on HTTP/2", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const stream = session.request(grpcHeaders, { endStream: false });
    stream.on("error", () => undefined);
    const trickle = setInterval(() => stream.write(" "), 300);
    const trailers = await new Promise((resolve) => stream.once("trailers", resolve));
    expect(trailers).toMatchObject({ "grpc-status": String(Code.DeadlineExceeded) });
    clearInterval(trickle);
    await expectAlive(server);
  });
});

test("R9: a stream is seen through to its end", async () => {
  await using server = await startEcho({
    async *spread(note) {
      yield note;
      yield note;
    },
  });
  using session = openHttp2(server.port);
  const answer = await requestHttp2(
    session,
    { ...grpcHeaders, ":path": "/echo.v1.EchoService/Spread" },
    envelope(binaryNote()),
  );
  expect(answer.trailers).toMatchObject({ "grpc-status": "0" });
  expect(server.outcomes).toMatchObject([{ protocol: "grpc", status: 200, error: undefined }]);
  await expectAlive(server);
});

describe("R10: an unknown JSON field is ignored", () => {
  test.for(speakers.filter(({ name }) => name === "REST" || name === "Connect JSON"))(
    "$name",
    async ({ say }) => {
      await using server = await startEcho();
      const payload = Buffer.from('{"text":"x","unknown":{"deep":[1]}}');
      expect(await say(server, { payload })).toMatchObject({ code: 0, note: { text: "x" } });
      await expectAlive(server);
    },
  );
});

test("R11, W9: a message in one-byte frames is refused, while others are served", async () => {
  await using server = await startEcho();
  using connection = await openRaw(server.port);
  const head = headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "a"],
    ["content-type", "application/grpc"],
  ]);
  connection.send(http2Opening);
  connection.send(http2Frame(frameTypes.headers, frameFlags.endHeaders, 1, head));
  const message = envelope(Buffer.alloc(16_384));
  connection.send(
    Buffer.concat(
      Array.from(message, (byte) => http2Frame(frameTypes.data, 0, 1, Buffer.of(byte))),
    ),
  );
  await expectAlive(server);
  const isReset = ({ type, streamId }: Http2Frame) => type === frameTypes.reset && streamId === 1;
  await expect.poll(() => framesOf(connection.received).some(isReset)).toBe(true);
  const frames = framesOf(connection.received).filter(({ streamId }) => streamId === 1);
  const { headers, reset } = frameTypes;
  expect(frames.map(({ type }) => type)).toEqual([headers, headers, reset]);
  expect(server.outcomes.find(({ error }) => error)?.error).toMatchObject({
    code: Code.ResourceExhausted,
  });
});

describe("R12: the deadline covers the body", () => {
  test.for([
    { name: "HTTP/1", timeout: "Connect-Timeout-Ms: 50", contentType: "application/json" },
    { name: "HTTP/1, gRPC-Web", timeout: "Grpc-Timeout: 50m", contentType: "application/grpc-web" },
  ])("on $name", async ({ timeout, contentType }) => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${contentType}\r\n${timeout}\r\nContent-Length: 9\r\n\r\n`,
    );
    await connection.closed();
    expect(server.outcomes).toMatchObject([{ error: { code: Code.DeadlineExceeded } }]);
    await expectAlive(server);
  });

  test("on HTTP/2", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const headers = { ...grpcHeaders, "grpc-timeout": "50m" };
    const { trailers, reset } = await requestHttp2(session, headers, "", false);
    expect(trailers["grpc-status"]).toBe(String(Code.DeadlineExceeded));
    expect(reset).toBe(0);
    await expectAlive(server);
  });
});

describe("R13: a deadline that is over never reaches the handler", () => {
  test.for(speakers)("$name", async ({ say }) => {
    let calls = 0;
    await using server = await startEcho({
      echo(note) {
        calls += 1;
        return note;
      },
    });
    expect(await say(server, { timeoutMs: 0 })).toMatchObject({ code: Code.DeadlineExceeded });
    expect(calls).toBe(0);
    await expectAlive(server);
  });
});

describe("R15, W12: large header lists are refused", () => {
  test.for([17_000, 150_000])("%d bytes on HTTP/2", async (length) => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const parts = Array.from({ length: Math.ceil(length / 8_000) }, (_, index) => [
      `x-${index}`,
      "y".repeat(8_000),
    ]);
    const answer = await requestHttp2(session, { ...grpcHeaders, ...Object.fromEntries(parts) });
    expect(answer.status).not.toBe(200);
    expect(server.outcomes).toEqual([]);
    await expectAlive(server);
  });

  test.for([17_000, 150_000])("%d bytes on HTTP/1", async (length) => {
    await using server = await startEcho();
    const request = `GET /page HTTP/1.1\r\nHost: a\r\nx: ${"y".repeat(length)}\r\n\r\n`;
    expect(statuses(await exchangeRaw(server.port, request))).toEqual([431]);
    await expectAlive(server);
  });
});
