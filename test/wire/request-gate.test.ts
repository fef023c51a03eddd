import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { Code, ConnectError, createClient, createContextKey } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { peerKey, type RequestGate } from "../../src/wire/index.ts";
import { type EchoHandlers, EchoService, startEcho } from "./echo.ts";
import { exchangeRaw, openHttp2, openRaw, requestHttp2, statuses, watch } from "./raw.ts";
import { binaryNote, envelope, speakers } from "./speak.ts";

// Long because the gate is tested over every protocol and both versions of HTTP.

const refusesAtOnce: RequestGate = () => {
  throw new ConnectError("who are you?", Code.Unauthenticated);
};
const returnsRefusal: RequestGate = () => new ConnectError("who are you?", Code.Unauthenticated);
const refusesLater: RequestGate = async () => {
  await sleep(5);
  throw new ConnectError("who are you?", Code.Unauthenticated);
};
const gates = [
  { how: "at once", requestGate: refusesAtOnce },
  { how: "by what it returns", requestGate: returnsRefusal },
  { how: "later", requestGate: refusesLater },
];
const refused = { code: Code.Unauthenticated, message: "who are you?" };
const observed = { code: Code.Unauthenticated, rawMessage: "who are you?" };

const notReached: EchoHandlers = {
  echo: () => Promise.reject(new Error("the handler was reached")),
};

const grpcHeaders = {
  ":method": "POST",
  ":path": "/echo.v1.EchoService/Echo",
  "content-type": "application/grpc",
};

/** Heads of HTTP/1.1 without the empty line, as each protocol sends them. */
const heads = [
  { protocol: "REST", head: "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\n" },
  {
    protocol: "Connect",
    head: "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n",
  },
  {
    protocol: "gRPC-Web",
    head: "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\n",
  },
  {
    protocol: "gRPC-Web text",
    head: "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web-text\r\n",
  },
  {
    protocol: "gRPC",
    head: "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n",
  },
];

describe.for(gates)("A5: a gate that refuses $how,", ({ requestGate }) => {
  const bodies = [
    { what: "good", saying: {} },
    { what: "malformed", saying: { payload: Buffer.from("{secret") } },
    {
      what: "a gzip bomb",
      saying: { payload: gzipSync(Buffer.alloc(10_000_000)), encoding: "gzip" as const },
    },
    {
      what: "not gzip, as it says",
      saying: { payload: Buffer.from("secret"), encoding: "gzip" as const },
    },
  ];
  const cases = bodies.flatMap((body) => speakers.map((speaker) => ({ ...speaker, ...body })));

  test.for(cases)("is heard before a body that is $what: $name", async ({ say, saying }) => {
    await using server = await startEcho(notReached, {
      requestGate,
      interceptors: [() => () => Promise.reject(new Error("an interceptor was reached"))],
    });
    const reply = await say(server, saying);
    expect(reply).toMatchObject(refused);
    expect(JSON.stringify([reply.message, [...reply.headers], [...reply.trailers]])).not.toContain(
      "secret",
    );
    expect(server.outcomes).toMatchObject([
      { method: { name: "Echo" }, error: observed, requestId: reply.headers.get("x-request-id") },
    ]);
  });

  test("is heard by a GET of Connect before its message", async () => {
    await using server = await startEcho(notReached, { requestGate });
    const response = await fetch(
      `${server.url}/echo.v1.EchoService/Look?encoding=json&base64=1&message=***`,
    );
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ message: "who are you?" });
  });

  const framings = [
    { framing: "Content-Length: 100", what: "100 bytes" },
    { framing: "Content-Length: 65000", what: "65,000 bytes" },
    { framing: "Transfer-Encoding: chunked", what: "any number of bytes" },
  ];
  test.concurrent.for(
    heads.flatMap((head) => framings.map((framing) => ({ ...head, ...framing }))),
  )(
    "answers over HTTP/1.1 to $protocol though a body of $what never comes",
    async ({ head, framing }) => {
      await using server = await startEcho(notReached, { requestGate });
      const received = await exchangeRaw(server.port, `${head}${framing}\r\n\r\n`);
      expect(statuses(received)).toHaveLength(1);
      expect(server.outcomes).toMatchObject([{ error: observed }]);
    },
  );

  test.concurrent.for(["application/grpc", "application/grpc-web", "application/json"])(
    "answers over HTTP/2 to %s though the body never comes, and lets the client stop",
    async (contentType) => {
      await using server = await startEcho(notReached, { requestGate });
      using session = openHttp2(server.port);
      const headers = { ...grpcHeaders, "content-type": contentType };
      const answer = await requestHttp2(session, headers, "", false);
      expect(answer).toMatchObject({ reset: 0 });
      expect(server.outcomes).toMatchObject([{ error: observed }]);
    },
  );

  test("keeps the connection of HTTP/1.1 for a body that comes late, unless it is large", async () => {
    await using server = await startEcho(notReached, { requestGate });
    using connection = await openRaw(server.port);
    const { head } = heads[0] as (typeof heads)[number];
    for (const count of [1, 2, 3]) {
      connection.send(`${head}Content-Length: 65000\r\n\r\n`);
      await expect.poll(() => statuses(connection.received)).toHaveLength(count);
      connection.send("x".repeat(65_000));
    }
    expect(connection.received).not.toMatch(/connection: close/i);
    connection.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    expect(await connection.closed()).toMatch(/connection: close/i);
    expect(statuses(connection.received)).toEqual([401, 401, 401, 401]);
  });

  test("resets no stream of HTTP/2 whose body has come", async () => {
    await using server = await startEcho(notReached, { requestGate });
    using session = openHttp2(server.port);
    for (let call = 0; call < 50; call += 1) {
      const answer = await requestHttp2(session, grpcHeaders, envelope(binaryNote()));
      expect(answer.trailers).toMatchObject({ "grpc-status": "16" });
    }
    expect(session.destroyed || session.closed).toBe(false);
  });

  const streams = [
    { name: "gRPC", create: createGrpcTransport },
    { name: "gRPC-Web", create: createGrpcWebTransport },
    { name: "Connect", create: createConnectTransport },
  ];
  test.for(streams)("is heard by streams: $name", async ({ create }) => {
    const handlers: EchoHandlers = {
      async *spread(note) {
        yield note;
      },
    };
    await using server = await startEcho(handlers, {
      requestGate,
      interceptors: [() => () => Promise.reject(new Error("an interceptor was reached"))],
    });
    const client = createClient(
      EchoService,
      create({ baseUrl: server.url, httpVersion: "2" } as never),
    );
    const first = client.spread({})[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({ code: Code.Unauthenticated });
    await expect.poll(() => server.outcomes).toMatchObject([{ error: observed }]);
  });

  test.concurrent.for([
    "application/grpc",
    "application/grpc-web-text",
    "application/connect+json",
  ])("answers to a stream of %s though nothing is sent", async (contentType) => {
    await using server = await startEcho({}, { requestGate });
    using session = openHttp2(server.port);
    const path = "/echo.v1.EchoService/Spread";
    const headers = { ...grpcHeaders, ":path": path, "content-type": contentType };
    expect(await requestHttp2(session, headers, "", false)).toMatchObject({
      status: 200,
      reset: 0,
    });
    expect(server.outcomes).toMatchObject([{ error: observed }]);
  });
});

describe("A5: a gate that lets calls in", () => {
  const key = createContextKey("nobody");
  const whose: RequestGate = ({ values, requestHeader }) =>
    void values.set(key, requestHeader.get("x-who") ?? "");
  const ways = [
    { how: "at once", requestGate: whose },
    {
      how: "later",
      requestGate: async (context: Parameters<RequestGate>[0]) => {
        await sleep(5);
        await whose(context);
      },
    },
  ];
  const cases = ways.flatMap((way) => speakers.map((speaker) => ({ ...speaker, ...way })));

  test.for(cases)("$how tells interceptors and handlers who calls: $name", async (each) => {
    const seen: unknown[] = [];
    await using server = await startEcho(
      {
        echo(note, { values, responseHeader }) {
          seen.push(values.get(key), values.get(peerKey), note.text);
          responseHeader.set("x-handled", "yes");
          return note;
        },
      },
      {
        requestGate(context) {
          context.responseHeader.set("x-gate", context.method.name);
          seen.push(context.values.get(peerKey), context.protocolName);
          return each.requestGate(context);
        },
        interceptors: [
          (next) => (request) => {
            seen.push(request.contextValues.get(key));
            return next(request);
          },
        ],
      },
    );
    const reply = await each.say(server, { headers: { "x-who": "gigi" } });
    expect(reply).toMatchObject({ code: 0, note: { text: "hello" } });
    expect([reply.headers.get("x-gate"), reply.headers.get("x-handled")]).toEqual(["Echo", "yes"]);
    expect(seen).toEqual(["127.0.0.1", each.protocol, "gigi", "gigi", "127.0.0.1", "hello"]);
  });

  test("belongs to the trace", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    await using server = await startEcho(
      {},
      {
        requestGate: async () => void seen.push(context.getStore()),
        trace: () => ({
          traceId: "one",
          run: (work) => context.run("one", work),
          end: () => undefined,
        }),
      },
    );
    await fetch(`${server.url}/api/v1/notes/7`);
    expect(seen).toEqual(["one"]);
  });

  test("costs a slow body none of its time", async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const limits = { maxMessageBytes: 65_536, defaultDeadlineMs: 60_000, maxDeadlineMs: 60_000 };
    await using server = await startEcho({}, { requestGate: () => opened, limits });
    using connection = await openRaw(server.port);
    connection.send("PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    // Longer than a body may take.
    await sleep(5_500);
    open();
    await sleep(1_000);
    connection.send("{}");
    expect(statuses(await connection.until(/"id":"7"/))).toEqual([200]);
  });
});

describe("A5: while a gate waits", () => {
  const never: RequestGate = () => new Promise<never>(() => undefined);

  test.for(speakers)("the deadline of the call counts: $name", async ({ say }) => {
    await using server = await startEcho(notReached, { requestGate: never });
    expect(await say(server, { timeoutMs: 50 })).toMatchObject({ code: Code.DeadlineExceeded });
  });

  test("a stream has a deadline though it sets none", async () => {
    const limits = { maxMessageBytes: 65_536, defaultDeadlineMs: 50, maxDeadlineMs: 60_000 };
    await using server = await startEcho({}, { requestGate: never, limits });
    using session = openHttp2(server.port);
    const headers = { ...grpcHeaders, ":path": "/echo.v1.EchoService/Spread" };
    const { trailers } = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(trailers).toMatchObject({ "grpc-status": String(Code.DeadlineExceeded) });
  });

  test("a client may go away", async () => {
    await using server = await startEcho(notReached, { requestGate: never });
    using connection = await openRaw(server.port);
    connection.send("PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    await expect.poll(() => server.listener.load().calls).toBe(1);
    connection[Symbol.dispose]();
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Canceled } }]);
  });

  // More than the buffers of a loopback connection hold.
  const sent = Buffer.alloc(64 << 20, "x");

  test("no more of the body is taken than Node reads ahead: HTTP/1.1", async () => {
    await using server = await startEcho(notReached, { requestGate: never });
    const socket = connectTcp(server.port, "127.0.0.1");
    await once(socket, "connect");
    using _ = watch(socket);
    const { head } = heads[0] as (typeof heads)[number];
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    socket.write(Buffer.concat([Buffer.from(`${sent.byteLength.toString(16)}\r\n`), sent]));
    await expect.poll(() => server.listener.load().calls).toBe(1);
    await sleep(500);
    expect(socket.writableLength).toBeGreaterThan(sent.byteLength / 2);
  });

  test("no more of the body is taken than Node reads ahead: HTTP/2", async () => {
    await using server = await startEcho(notReached, { requestGate: never });
    using session = openHttp2(server.port);
    const stream = session.request(grpcHeaders, { endStream: false });
    stream.on("error", () => undefined);
    stream.write(sent);
    await expect.poll(() => server.listener.load().calls).toBe(1);
    await sleep(500);
    expect(stream.writableLength).toBeGreaterThan(sent.byteLength / 2);
  });
});

describe("A5: a head is looked at in this order:", () => {
  const cases = [
    {
      name: "a bad timeout before the gate",
      headers: { "grpc-timeout": "1x", "connect-timeout-ms": "1x" },
      code: Code.InvalidArgument,
    },
    {
      name: "the gate before a compression that is not understood",
      headers: { "grpc-encoding": "zstd", "content-encoding": "zstd" },
      code: Code.Unauthenticated,
    },
  ];
  test.for(cases.flatMap((each) => speakers.map((speaker) => ({ ...speaker, each }))))(
    "$each.name: $name",
    async ({ say, each: { headers, code } }) => {
      await using server = await startEcho(notReached, { requestGate: refusesAtOnce });
      expect(await say(server, { headers })).toMatchObject({ code });
    },
  );

  const tooLarge = [{ error: { code: Code.ResourceExhausted } }];
  test.concurrent.for(heads)(
    "a declared length above the limit before the gate: $protocol",
    async ({ head }) => {
      await using server = await startEcho(notReached, { requestGate: refusesAtOnce });
      // Above the limit of gRPC-Web's text form, too, which is twice as high.
      await exchangeRaw(server.port, `${head}Content-Length: 200000\r\n\r\n`);
      expect(server.outcomes).toMatchObject(tooLarge);
    },
  );

  test("a declared length above the limit before the gate: HTTP/2", async () => {
    await using server = await startEcho(notReached, { requestGate: refusesAtOnce });
    using session = openHttp2(server.port);
    await requestHttp2(session, { ...grpcHeaders, "content-length": 200_000 }, "", false);
    expect(server.outcomes).toMatchObject(tooLarge);
  });

  test("a compression that is not understood before the body", async () => {
    await using server = await startEcho(notReached, { requestGate: () => undefined });
    const { head } = heads[0] as (typeof heads)[number];
    const request = `${head}Content-Encoding: zstd\r\nContent-Length: 10\r\n\r\n`;
    expect(statuses(await exchangeRaw(server.port, request))).toEqual([501]);
  });
});

describe("A5: a gate that lets an empty body wait", () => {
  const later: RequestGate = () => sleep(20);
  const headers = {
    ":method": "POST",
    ":path": "/echo.v1.EchoService/Echo",
    "content-type": "application/proto",
  };

  test.for([
    { name: "in a frame of its own", endStream: false },
    { name: "told by the head", endStream: true },
  ])("hears of its end over HTTP/2: $name", async ({ endStream }) => {
    await using server = await startEcho({}, { requestGate: later });
    using session = openHttp2(server.port);
    for (let turn = 0; turn < 20; turn += 1) {
      const stream = session.request(headers, { endStream });
      if (!endStream) stream.end();
      const [answer] = await once(stream, "response");
      expect(answer[":status"]).toBe(200);
      stream.close();
    }
  });

  test("hears of its end over HTTP/1.1", async () => {
    await using server = await startEcho({}, { requestGate: later });
    for (const framing of ["Content-Length: 0\r\n", "", "Transfer-Encoding: chunked\r\n"]) {
      const end = framing.startsWith("Transfer") ? "0\r\n\r\n" : "";
      const head =
        "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/proto\r\nConnection: close\r\n";
      const answer = await exchangeRaw(server.port, `${head}${framing}\r\n${end}`);
      expect(statuses(answer)).toEqual([200]);
    }
  });
});
