import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { bodyTimeoutMs, openingTimeoutMs } from "../../src/wire/limits.ts";
import { type EchoHandlers, startEcho } from "./echo.ts";
import { openHttp2, openRaw } from "./raw.ts";
import { binaryNote, envelope, speakers } from "./speak.ts";

const tlsFile = (name: string) => fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
const tls = { certFile: tlsFile("cert.pem"), keyFile: tlsFile("key.pem") };

const grpcHeaders = {
  ":method": "POST",
  ":path": "/echo.v1.EchoService/Echo",
  "content-type": "application/grpc",
};

/** Handlers that never answer, and the signal of the call. */
function stuck(): { handlers: EchoHandlers; signal: Promise<AbortSignal> } {
  let take: (signal: AbortSignal) => void = () => {};
  const signal = new Promise<AbortSignal>((resolve) => {
    take = resolve;
  });
  const wait = (_note: unknown, context: { readonly signal: AbortSignal }) => {
    take(context.signal);
    return new Promise<never>(() => {});
  };
  return {
    signal,
    handlers: {
      echo: wait,
      // biome-ignore lint/correctness/useYield: it never gets that far
      async *spread(note, context) {
        await wait(note, context);
      },
    },
  };
}

async function aborted(signal: AbortSignal): Promise<unknown> {
  await Promise.race([once(signal, "abort"), signal.aborted]);
  await expect.poll(() => signal.aborted).toBe(true);
  return signal.reason;
}

describe("a client that goes away cancels the handler", () => {
  const request = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";

  test("over HTTP/1.1", async () => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    connection.send(request);
    const given = await signal;
    connection[Symbol.dispose]();
    expect(await aborted(given)).toMatchObject({ code: Code.Canceled });
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Canceled } }]);
  });

  test.for(["Echo", "Spread"])("over HTTP/2, by closing the connection: %s", async (method) => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const headers = { ...grpcHeaders, ":path": `/echo.v1.EchoService/${method}` };
    session
      .request(headers)
      .on("error", () => undefined)
      .end(envelope(binaryNote()));
    const given = await signal;
    session.destroy();
    expect(await aborted(given)).toMatchObject({ code: Code.Canceled });
  });

  test.for(["Echo", "Spread"])("over HTTP/2, by resetting the stream: %s", async (method) => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const headers = { ...grpcHeaders, ":path": `/echo.v1.EchoService/${method}` };
    const stream = session.request(headers).on("error", () => undefined);
    stream.end(envelope(binaryNote()));
    const given = await signal;
    stream.close(8);
    expect(await aborted(given)).toMatchObject({ code: Code.Canceled });
  });

  test("over HTTP/2, by resetting the connection", async () => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    session
      .request(grpcHeaders)
      .on("error", () => undefined)
      .end(envelope(binaryNote()));
    const given = await signal;
    session.socket.resetAndDestroy();
    expect(await aborted(given)).toMatchObject({ code: Code.Canceled });
  });

  test("over HTTP/2 and TLS", async () => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers, {}, tls);
    const ca = readFileSync(tls.certFile);
    const session = connectHttp2(`https://localhost:${server.port}`, { ca });
    session
      .request(grpcHeaders)
      .on("error", () => undefined)
      .end(envelope(binaryNote()));
    const given = await signal;
    session.destroy();
    expect(await aborted(given)).toMatchObject({ code: Code.Canceled });
  });
});

describe("the deadline", () => {
  test.for(speakers)("aborts the handler's signal: $name", async ({ say }) => {
    const { handlers, signal } = stuck();
    await using server = await startEcho(handlers);
    expect(await say(server, { timeoutMs: 50 })).toMatchObject({
      code: Code.DeadlineExceeded,
      message: "deadline exceeded",
      details: ["google.rpc.ErrorInfo"],
    });
    expect((await signal).reason).toMatchObject({ code: Code.DeadlineExceeded });
  });

  test.for(speakers)("is our own if the client sets none: $name", async ({ say }) => {
    const limits = { maxMessageBytes: 65_536, defaultDeadlineMs: 50, maxDeadlineMs: 60_000 };
    await using server = await startEcho(stuck().handlers, { limits });
    expect(await say(server)).toMatchObject({ code: Code.DeadlineExceeded });
  });

  test.for(speakers)("is at most the longest we allow: $name", async ({ say }) => {
    const limits = { maxMessageBytes: 65_536, defaultDeadlineMs: 10, maxDeadlineMs: 50 };
    await using server = await startEcho(stuck().handlers, { limits });
    expect(await say(server, { timeoutMs: 3_600_000 })).toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });

  test("F21: is over in the turn after the event loop was blocked", async () => {
    let wasOver: boolean | undefined;
    await using server = await startEcho({
      async echo(note, context) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
        // What was due in the meantime runs between these two.
        await nextTurn();
        await nextTurn();
        wasOver = context.signal.aborted;
        return note;
      },
    });
    const reply = await speakers[0]?.say(server, { timeoutMs: 1_000 });
    expect(reply).toMatchObject({ code: Code.DeadlineExceeded });
    // The client may know before the handler.
    await expect.poll(() => wasOver).toBe(true);
  });

  test("is over for the handler once the call is answered", async () => {
    let signal: AbortSignal | undefined;
    await using server = await startEcho({
      echo(note, context) {
        signal = context.signal;
        return note;
      },
    });
    expect(await speakers[0]?.say(server)).toMatchObject({ code: 0 });
    await expect.poll(() => signal?.aborted).toBe(true);
  });

  const grammar: [header: string, value: string, names: string[]][] = [
    ["grpc-timeout", "", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "1", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "S", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "-1S", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "1.5S", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "1s", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "1 S", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "123456789S", ["gRPC", "gRPC-Web", "REST"]],
    ["grpc-timeout", "1S, 1S", ["gRPC", "gRPC-Web", "REST"]],
    ["connect-timeout-ms", "", ["Connect JSON", "Connect binary"]],
    ["connect-timeout-ms", "-1", ["Connect JSON", "Connect binary"]],
    ["connect-timeout-ms", "1.5", ["Connect JSON", "Connect binary"]],
    ["connect-timeout-ms", "1e3", ["Connect JSON", "Connect binary"]],
    ["connect-timeout-ms", "12345678901", ["Connect JSON", "Connect binary"]],
    ["connect-timeout-ms", "NaN", ["Connect JSON", "Connect binary"]],
  ];
  test.for(grammar)("is refused as %s: %j", async ([header, value, names]) => {
    await using server = await startEcho();
    for (const { say } of speakers.filter(({ name }) => names.includes(name))) {
      const reply = await say(server, { headers: { [header]: value } });
      expect(reply).toMatchObject({ code: Code.InvalidArgument });
    }
  });

  test.for(["1H", "1M", "9S", "9000m", "9000000u", "99999999n", "00000001H"])(
    "is read as grpc-timeout: %s",
    async (value) => {
      let remainingMs: number | undefined;
      await using server = await startEcho({
        echo(note, context) {
          remainingMs = context.timeoutMs();
          return note;
        },
      });
      for (const { say } of speakers.filter(({ protocol }) => protocol !== "connect")) {
        expect(await say(server, { headers: { "grpc-timeout": value } })).toMatchObject({
          code: 0,
        });
      }
      expect(remainingMs).toBeGreaterThan(0);
      expect(remainingMs).toBeLessThanOrEqual(60_000);
    },
  );
});

test("what came while the process stood still was in time", async () => {
  const { promise: read, resolve: seeHead } = Promise.withResolvers<void>();
  await using server = await startEcho(
    {},
    {
      requestGate() {
        seeHead();
      },
    },
  );
  using slow = await openRaw(server.port);
  using fresh = await openRaw(server.port);
  slow.send("PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
  await read;
  await sleep(50);
  // In a turn, sockets are read before this, and timers fire behind it.
  await nextTurn();
  slow.send("{}");
  fresh.send("GET /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(nothing, 0, 0, Math.max(bodyTimeoutMs, openingTimeoutMs) + 200);
  expect(await slow.until(/\}/)).toMatch(/^HTTP\/1.1 200 /);
  expect(await fresh.until(/\}/)).toMatch(/^HTTP\/1.1 200 /);
});
