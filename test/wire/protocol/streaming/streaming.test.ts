import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Int32ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import type { Outcome } from "../../../../src/wire/index.ts";
import { openEnded, openStream } from "../../bounds/strangers.ts";
import { type EchoHandlers, type EchoServer, EchoService, startEcho } from "../../echo.ts";
import {
  exchangeRaw,
  frameFlags,
  framesOf,
  frameTypes,
  headerBlock,
  http2Frame,
  http2Opening,
  openHttp2,
  openRaw,
  type RawConnection,
  requestHttp2,
  statuses,
} from "../../raw.ts";
import { binaryNote, envelope, openEnvelopes, speakers } from "../../speak.ts";

// Long because each kind of stream is tested over every protocol with the same helpers.

async function collect(notes: AsyncIterable<{ text: string }>) {
  let text = "";
  for await (const note of notes) text += note.text;
  return { text };
}

const handlers: EchoHandlers = {
  async *spread(note, { responseHeader, responseTrailer }) {
    responseHeader.set("x-head", "1");
    responseTrailer.set("x-tail", "2");
    for (const letter of note.text) yield { text: letter };
  },
  collect: (notes) => collect(notes),
  async *talk(notes) {
    for await (const { text } of notes) yield { text: text.toUpperCase() };
  },
};

const transports = [
  {
    name: "gRPC",
    protocol: "grpc",
    create: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  },
  {
    name: "gRPC-Web",
    protocol: "grpc-web",
    create: (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  },
  {
    name: "Connect",
    protocol: "connect",
    create: (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  },
  {
    name: "Connect with gzip",
    protocol: "connect",
    create: (baseUrl: string) =>
      createConnectTransport({ baseUrl, httpVersion: "2", compressMinBytes: 0 }),
  },
];

async function* texts(...all: string[]) {
  for (const text of all) yield { text };
}

async function collected(notes: AsyncIterable<{ text: string }>): Promise<string[]> {
  const received: string[] = [];
  for await (const { text } of notes) received.push(text);
  return received;
}

describe.for(transports)("over $name", ({ create, protocol }) => {
  test("a server's stream arrives, with its metadata", async () => {
    await using server = await startEcho(handlers);
    const client = createClient(EchoService, create(server.url));
    const metadata: (string | null)[] = [];
    const notes = client.spread(
      { text: "abc" },
      {
        onHeader: (headers) => metadata.push(headers.get("x-head")),
        onTrailer: (trailers) => metadata.push(trailers.get("x-tail")),
      },
    );
    expect(await collected(notes)).toEqual(["a", "b", "c"]);
    expect(metadata).toEqual(["1", "2"]);
  });

  test("a client's stream is read to its end", async () => {
    await using server = await startEcho(handlers);
    const client = createClient(EchoService, create(server.url));
    expect(await client.collect(texts("a", "b", "c"))).toMatchObject({ text: "abc" });
    expect(await client.collect(texts())).toMatchObject({ text: "" });
    const wide = "x".repeat(60_000);
    expect(await client.collect(texts(wide, wide))).toMatchObject({ text: wide + wide });
  });

  test("both sides talk in turn", async () => {
    await using server = await startEcho(handlers);
    const client = createClient(EchoService, create(server.url));
    let say = (_text: string) => {};
    async function* questions() {
      for (const first of ["a", "b"]) {
        yield { text: first };
        await new Promise<string>((resolve) => {
          say = resolve;
        });
      }
    }
    const received: string[] = [];
    for await (const { text } of client.talk(questions())) {
      received.push(text);
      say(text);
    }
    expect(received).toEqual(["A", "B"]);
  });

  test("an error ends a stream behind its messages, and is observed", async () => {
    await using server = await startEcho({
      async *spread() {
        yield { text: "a" };
        throw new ConnectError("no more: 50 %, really", Code.Aborted, { "x-reason": "because" });
      },
    });
    const client = createClient(EchoService, create(server.url));
    const received: string[] = [];
    const reading = (async () => {
      for await (const { text } of client.spread({})) received.push(text);
    })();
    await expect(reading).rejects.toMatchObject({
      code: Code.Aborted,
      rawMessage: "no more: 50 %, really",
    });
    expect(received).toEqual(["a"]);
    await expect
      .poll(() => server.outcomes)
      .toMatchObject([
        { protocol, method: { name: "Spread" }, status: 200, error: { code: Code.Aborted } },
      ]);
  });

  test("an error that a handler throws before it returns is observed, too", async () => {
    await using server = await startEcho({
      spread() {
        throw new ConnectError("no", Code.Aborted);
      },
    });
    const client = createClient(EchoService, create(server.url));
    const error = await collected(client.spread({})).catch(ConnectError.from);
    if (!(error instanceof ConnectError)) throw new Error("it was not refused");
    expect(error.code).toBe(Code.Aborted);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "ABORTED" }]);
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Aborted } }]);
  });

  test("the text of an unexpected error is not sent", async () => {
    await using server = await startEcho({
      // biome-ignore lint/correctness/useYield: it throws before
      async *spread() {
        throw new Error("password=hunter2");
      },
    });
    const client = createClient(EchoService, create(server.url));
    await expect(collected(client.spread({}))).rejects.toMatchObject({
      code: Code.Internal,
      rawMessage: "internal error",
    });
  });

  test("a message above the limit is refused", async () => {
    await using server = await startEcho(handlers);
    const client = createClient(EchoService, create(server.url));
    const incompressible = randomBytes(35_000).toString("hex");
    await expect(client.collect(texts("a", incompressible))).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
    expect(await client.collect(texts("a"))).toMatchObject({ text: "a" });
  });

  test("a deadline ends a stream, a long one does not", async () => {
    await using server = await startEcho({
      async *spread(_note, { signal }) {
        yield { text: "a" };
        await sleep(60_000, undefined, { signal }).catch(() => {});
        signal.throwIfAborted();
      },
      collect: (notes) => collect(notes),
    });
    const client = createClient(EchoService, create(server.url));
    await expect(collected(client.spread({}, { timeoutMs: 100 }))).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
    const month = 30 * 86_400_000;
    const headers = { "grpc-timeout": "1000H", "connect-timeout-ms": String(month) };
    expect(await client.collect(texts("a"), { headers })).toMatchObject({ text: "a" });
  });

  test("a client that leaves ends the handler", async () => {
    let signal: AbortSignal | undefined;
    await using server = await startEcho({
      async *spread(_note, context) {
        signal = context.signal;
        yield { text: "a" };
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      },
    });
    const client = createClient(EchoService, create(server.url));
    const leaving = new AbortController();
    const reading = collected(client.spread({}, { signal: leaving.signal }));
    await expect.poll(() => signal).toBeDefined();
    leaving.abort();
    await expect(reading).rejects.toMatchObject({ code: Code.Canceled });
    await expect.poll(() => signal?.aborted).toBe(true);
  });
});

const collectHeaders = {
  ":method": "POST",
  ":path": "/echo.v1.EchoService/Collect",
  "content-type": "application/grpc",
};

test("envelopes may be split anywhere", async () => {
  await using server = await startEcho(handlers);
  using session = openHttp2(server.port);
  const body = Buffer.concat(["ab", "", "c"].map((text) => envelope(binaryNote({ text }))));
  for (let at = 0; at <= body.byteLength; at += 1) {
    const stream = session.request(collectHeaders, { endStream: false });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.write(body.subarray(0, at));
    await sleep(2);
    stream.end(body.subarray(at));
    await new Promise((resolve) => stream.once("close", resolve));
    const [answer] = openEnvelopes(Buffer.concat(chunks));
    expect(answer?.payload).toEqual(Buffer.from(binaryNote({ text: "abc" })));
  }
});

describe("a message in one-byte frames", () => {
  async function sendOneByOne(server: EchoServer, connection: RawConnection, bytes: number) {
    const head = headerBlock(
      [[":scheme", "http"], [":authority", "a"], ...Object.entries(collectHeaders)].toSorted() as [
        string,
        string,
      ][],
    );
    const { data, headers } = frameTypes;
    const message = envelope(binaryNote({ text: "x".repeat(bytes) }));
    const last = message.byteLength - 1;
    connection.send(http2Opening);
    connection.send(http2Frame(headers, frameFlags.endHeaders, 1, head));
    connection.send(
      Buffer.concat(
        Array.from(message, (byte, index) =>
          http2Frame(data, index === last ? frameFlags.endStream : 0, 1, Buffer.of(byte)),
        ),
      ),
    );
    for (const { say } of speakers) expect(await say(server)).toMatchObject({ code: 0 });
    const streams = () => server.outcomes.filter(({ method }) => method?.methodKind !== "unary");
    await expect.poll(() => streams().length).toBe(1);
    return streams()[0];
  }

  test("is read if it is small", async () => {
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    const outcome = await sendOneByOne(server, connection, 1_000);
    expect(outcome).toMatchObject({ status: 200, error: undefined });
  });

  test("R11: is refused above a thousand frames, while others are served", async () => {
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    const outcome = await sendOneByOne(server, connection, 16_384);
    expect(outcome).toMatchObject({ error: { code: Code.ResourceExhausted } });
  });
});

test.for([
  ["application/grpc", "grpc-status=4"],
  ["application/grpc-web", "grpc-status: 4"],
  ["application/connect+proto", '"code":"deadline_exceeded"'],
] as const)(
  "a deadline ends a stream of %s whose handler waits for its client",
  async ([type, want]) => {
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const headers = {
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Talk",
      "content-type": type,
      "grpc-timeout": "50m",
      "connect-timeout-ms": "50",
    };
    const past = { ...headers, "grpc-timeout": "0m", "connect-timeout-ms": "0" };
    const late = await requestHttp2(session, past, "", false);
    expect(`${late.body} grpc-status=${late.trailers["grpc-status"]}`).toContain(want);
    const message = envelope(binaryNote({ text: "a" }));
    const { body, trailers, reset } = await requestHttp2(session, headers, message, false);
    expect(`${body} grpc-status=${trailers["grpc-status"]}`).toContain(want);
    expect(reset).toBe(0);
    const outcome = { error: { code: Code.DeadlineExceeded } };
    expect(server.outcomes).toMatchObject([outcome, outcome]);
  },
);

test.for([
  "application/grpc",
  "application/grpc+json",
  "application/grpc-web",
  "application/grpc-web-text+proto",
  "application/connect+proto",
])("a stream of %s is answered with the content type of its request", async (contentType) => {
  await using server = await startEcho(handlers);
  using session = openHttp2(server.port);
  const { headers } = await requestHttp2(
    session,
    { ...collectHeaders, "content-type": contentType },
    Buffer.alloc(0),
  );
  expect(headers["content-type"]).toBe(contentType);
});

describe("over HTTP/1.1", () => {
  const request = (method: string) =>
    `POST /echo.v1.EchoService/${method} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/grpc\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0`;

  test("no stream goes both ways", async () => {
    await using server = await startEcho(handlers);
    expect(statuses(await exchangeRaw(server.port, request("Talk")))).toEqual([505]);
  });

  test("an answer with trailers that cannot be sent is broken off", async () => {
    await using server = await startEcho({
      async *spread(note, { responseTrailer }) {
        responseTrailer.set("x-note", "a\u0001b");
        yield note;
      },
    });
    expect(await exchangeRaw(server.port, request("Spread"))).not.toMatch(/\r\n0\r\n/);
    await expect.poll(() => server.outcomes).toMatchObject([{ error: { code: Code.Internal } }]);
  });
});

test("an error's message is encoded no more than gRPC asks for", async () => {
  await using server = await startEcho({
    collect: () => Promise.reject(new ConnectError("50 %: a, ü", Code.Aborted)),
  });
  using session = openHttp2(server.port);
  const { trailers } = await requestHttp2(session, collectHeaders, envelope(binaryNote()));
  expect(trailers["grpc-message"]).toBe("50 %25: a, %C3%BC");
});

describe("refuses", () => {
  test.for([
    {
      name: "an envelope that says it is 4 GB",
      body: envelope(Buffer.alloc(0), 0, 0xffffffff),
      code: Code.ResourceExhausted,
    },
    {
      name: "a second envelope above the limit",
      body: Buffer.concat([envelope(binaryNote()), envelope(Buffer.alloc(70_000))]),
      code: Code.ResourceExhausted,
    },
    {
      name: "an envelope that breaks off",
      body: envelope(binaryNote(), 0, 99),
      code: Code.InvalidArgument,
    },
    {
      name: "a compressed envelope without a name",
      body: envelope(binaryNote(), 1),
      code: Code.Internal,
    },
    { name: "an end of stream", body: envelope(binaryNote(), 2), code: Code.InvalidArgument },
    { name: "trailers", body: envelope(binaryNote(), 0x80), code: Code.InvalidArgument },
  ])("$name", async ({ body, code }) => {
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const { trailers } = await requestHttp2(session, collectHeaders, body);
    expect(trailers["grpc-status"]).toBe(String(code));
    for (const { say } of speakers) expect(await say(server)).toMatchObject({ code: 0 });
  });

  test("an envelope that says it is 4 GB, before the stream has ended", async () => {
    await using server = await startEcho(handlers);
    using session = openHttp2(server.port);
    const body = envelope(Buffer.alloc(0), 0, 0xffffffff);
    const { trailers, reset } = await requestHttp2(session, collectHeaders, body, false);
    expect(trailers["grpc-status"]).toBe(String(Code.ResourceExhausted));
    expect(reset).toBe(0);
  });
});

describe("gRPC-Web text", () => {
  /** In blocks with their own padding, and cut where no block ends. */
  const request = envelope(binaryNote({ text: "abc" }));
  const text = `${request.subarray(0, 4).toString("base64")}${request.subarray(4).toString("base64")}`;

  test.for(["application/grpc-web-text", "application/grpc-web-text+proto"])(
    "carries a stream of messages as %s",
    async (contentType) => {
      await using server = await startEcho(handlers);
      const response = await fetch(`${server.url}/echo.v1.EchoService/Spread`, {
        method: "POST",
        headers: { "content-type": contentType },
        body: text,
      });
      expect(response.headers.get("content-type")).toBe(contentType);
      const blocks = (await response.text()).match(/[^=]+={0,2}/g) ?? [];
      const frames = Buffer.concat(blocks.map((block) => Buffer.from(block, "base64")));
      expect(frames.toString("latin1")).toMatch(/a.*b.*c.*grpc-status: 0/s);
    },
  );

  test("refuses what is not base64", async () => {
    await using server = await startEcho(handlers);
    const response = await fetch(`${server.url}/echo.v1.EchoService/Spread`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web-text" },
      body: "?",
    });
    const frames = Buffer.from(await response.text(), "base64").toString("latin1");
    expect(frames).toContain(`grpc-status: ${Code.InvalidArgument}`);
  });
});

describe("D9: a client that leaves a stream has canceled it", () => {
  /** Handlers that wait for their client, and when the one that answers only at the end has begun. */
  function waiting() {
    const { promise: collecting, resolve: noteCollect } = Promise.withResolvers<void>();
    const handlers: EchoHandlers = {
      async *spread(note, { signal }) {
        yield note;
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
      async *talk(notes) {
        for await (const note of notes) yield note;
      },
      collect(notes) {
        noteCollect();
        return collect(notes);
      },
    };
    return { handlers, collecting };
  }

  /** Wait for the one outcome. */
  async function outcomeOf({ outcomes }: { outcomes: readonly Outcome[] }): Promise<Outcome> {
    while (outcomes.length === 0) await sleep(5);
    return outcomes[0] as Outcome;
  }

  const canceled = { error: { code: Code.Canceled, rawMessage: "the client has gone" } };

  test.for(
    ["Talk", "Collect", "Spread"].flatMap((method) =>
      ["application/grpc", "application/grpc-web", "application/connect+proto"].flatMap((type) => [
        { method, type, how: "a reset stream" as const },
        { method, type, how: "a broken connection" as const },
      ]),
    ),
  )("HTTP/2: $method as $type, $how", async ({ method, type, how }) => {
    const { handlers, collecting } = waiting();
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    const { data, headers, reset } = frameTypes;
    const { endHeaders, endStream } = frameFlags;
    const head = headerBlock([
      [":method", "POST"],
      [":scheme", "http"],
      [":authority", "a"],
      [":path", `/echo.v1.EchoService/${method}`],
      ["content-type", type],
    ]);
    const end = method === "Spread" ? endStream : 0;
    connection.send(http2Opening);
    connection.send(http2Frame(headers, endHeaders, 1, head));
    connection.send(http2Frame(data, end, 1, envelope(binaryNote())));
    const isAnswered = () => framesOf(connection.received).some((frame) => frame.type === headers);
    await (method === "Collect" ? collecting : expect.poll(isAnswered).toBe(true));
    if (how === "a reset stream") connection.send(http2Frame(reset, 0, 1, Buffer.of(0, 0, 0, 8)));
    else connection[Symbol.dispose]();
    expect(await outcomeOf(server)).toMatchObject(canceled);
  });

  test.for(
    ["application/grpc", "application/grpc-web", "application/connect+proto"].flatMap((type) => [
      { type, when: "before its first message" as const },
      { type, when: "between two messages" as const },
    ]),
  )("HTTP/2: a handler that goes on is ended, $when as $type", async ({ type, when }) => {
    const [begun, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isDone = false;
    await using server = await startEcho({
      async *spread(note, { signal }) {
        try {
          begun.resolve();
          signal.addEventListener("abort", () => left.resolve());
          if (when === "between two messages") yield note;
          await left.promise;
          for (;;) yield note;
        } finally {
          isDone = true;
        }
      },
    });
    using session = openHttp2(server.port);
    const path = "/echo.v1.EchoService/Spread";
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
    stream.on("error", () => undefined);
    stream.end(envelope(binaryNote()));
    await (when === "between two messages" ? once(stream, "data") : begun.promise);
    stream.close(8);
    expect(await outcomeOf(server)).toMatchObject(canceled);
    await expect.poll(() => isDone).toBe(true);
  });

  test.for([
    { method: "Collect", type: "application/grpc-web+proto" },
    { method: "Collect", type: "application/grpc" },
    { method: "Collect", type: "application/connect+proto" },
    { method: "Spread", type: "application/grpc-web+proto" },
    { method: "Spread", type: "application/connect+proto" },
  ])("HTTP/1.1: $method as $type", async ({ method, type }) => {
    const { handlers, collecting } = waiting();
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    const message = envelope(binaryNote());
    const end = method === "Spread" ? "0\r\n\r\n" : "";
    connection.send(
      Buffer.concat([
        Buffer.from(
          `POST /echo.v1.EchoService/${method} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n${message.byteLength.toString(16)}\r\n`,
        ),
        message,
        Buffer.from(`\r\n${end}`),
      ]),
    );
    await (method === "Spread" ? connection.until(/200 OK/) : collecting);
    connection[Symbol.dispose]();
    expect(await outcomeOf(server)).toMatchObject(canceled);
  });
});

test("an error is whole although its client ends the body sooner than it has declared", async () => {
  await using server = await startEcho(handlers);
  using connection = await openRaw(server.port);
  const { data, headers } = frameTypes;
  const { endHeaders, endStream } = frameFlags;
  const tooLarge = Buffer.alloc(16_000);
  tooLarge.writeUInt32BE(300_000, 1);
  const head = headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", "/echo.v1.EchoService/Spread"],
    ["content-type", "application/connect+proto"],
    ["connect-protocol-version", "1"],
    ["content-length", "300005"],
  ]);
  const frames = () => framesOf(connection.received).filter(({ streamId }) => streamId === 1);
  connection.send(
    Buffer.concat([
      http2Opening,
      http2Frame(headers, endHeaders, 1, head),
      http2Frame(data, 0, 1, tooLarge),
      http2Frame(data, 0, 1, Buffer.alloc(16_000)),
      http2Frame(data, 0, 1, Buffer.alloc(16_000)),
    ]),
  );
  await expect.poll(() => frames().some(({ type }) => type === data)).toBe(true);
  connection.send(http2Frame(data, endStream, 1, Buffer.alloc(0)));
  connection.send(http2Frame(frameTypes.ping, 0, 0, Buffer.alloc(8)));
  await expect
    .poll(() => framesOf(connection.received).some(({ type }) => type === frameTypes.ping))
    .toBe(true);
  const ends = frames().map(({ type, flags }) => type === data && (flags & endStream) !== 0);
  expect([ends.at(-1), ends.filter(Boolean).length]).toEqual([true, 1]);
});

describe("the error that ends a stream is sent", () => {
  const badDetail = { desc: Int32ValueSchema, value: { value: "x" as unknown as number } };
  /** As clients of another server get it: its details are bytes. */
  const received = () => {
    const error = new ConnectError("no", Code.Aborted);
    error.details.push({ type: "other.v1.Info", value: new Uint8Array() });
    return error;
  };
  const errors = [
    {
      what: "with U+FFFD in place of a lone surrogate",
      make: () => new ConnectError("half \ud800", Code.Aborted),
      want: { code: Code.Aborted, rawMessage: "half \ufffd", reason: "ABORTED" },
    },
    {
      what: "with as much of its message as may be",
      make: () => new ConnectError("長".repeat(10_000), Code.Aborted),
      want: { code: Code.Aborted, rawMessage: `${"長".repeat(340)}…`, reason: "ABORTED" },
    },
    {
      what: "without the text of any other error than Connect's",
      make: () => new Error("password=hunter2"),
      want: { code: Code.Internal, rawMessage: "internal error", reason: "INTERNAL" },
    },
    {
      what: "as another server has sent it",
      make: received,
      want: { code: Code.Aborted, rawMessage: "no", reason: "ABORTED" },
    },
    {
      what: "as internal if its details cannot be encoded",
      make: () => new ConnectError("no", Code.Aborted, undefined, [badDetail]),
      want: { code: Code.Internal, rawMessage: "internal error", reason: "INTERNAL" },
    },
  ];
  const places = ["the gate", "the handler", "the handler, later"];
  test.for(
    transports.flatMap(({ name, create }) =>
      errors.flatMap((error) => places.map((place) => ({ name, create, place, ...error }))),
    ),
  )("$what: by $place, over $name", async ({ create, place, make, want }) => {
    const failAt = (here: string) => {
      if (here === place) throw make();
    };
    await using server = await startEcho(
      {
        async *spread(note) {
          failAt("the handler");
          yield note;
          failAt("the handler, later");
        },
      },
      { requestGate: () => failAt("the gate") },
    );
    const client = createClient(EchoService, create(server.url));
    const error = await collect(client.spread({ text: "a" })).catch(ConnectError.from);
    if (!(error instanceof ConnectError)) throw new Error("it has not failed");
    const [info] = error.findDetails(ErrorInfoSchema);
    const { code, rawMessage } = error;
    expect({ code, rawMessage, reason: info?.reason }).toEqual(want);
    await expect.poll(() => server.outcomes.map((outcome) => outcome.error?.code)).toEqual([code]);
  });
});

describe("a stream that is broken off is observed with an error", () => {
  const types = ["application/grpc", "application/grpc-web", "application/connect+proto"];
  const spread = "/echo.v1.EchoService/Spread";
  const post = (type: string) => {
    const payload = envelope(binaryNote());
    const head = `POST ${spread} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${payload.byteLength}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), payload]);
  };
  const codes = ({ outcomes }: EchoServer) => outcomes.map(({ error }) => error?.code);

  test.for(types.flatMap((type) => ["waits", "writes"].map((way) => ({ type, way }))))(
    "because its client has gone, while its handler $way: $type",
    async ({ type, way }) => {
      await using server = await startEcho({
        async *spread(note, { signal }) {
          yield note;
          if (way === "waits") await once(signal, "abort");
          else for (; ; await sleep(1)) yield { text: "x".repeat(1_000) };
        },
      });
      using session = openHttp2(server.port);
      const headers = { ":method": "POST", ":path": spread, "content-type": type };
      const stream = session.request(headers).on("error", () => undefined);
      stream.end(envelope(binaryNote()));
      await once(stream, "data");
      stream.close(8);
      await expect.poll(() => codes(server)).toEqual([Code.Canceled]);

      using connection = await openRaw(server.port);
      connection.send(post(type));
      await connection.until(/hello/);
      connection[Symbol.dispose]();
      await expect.poll(() => codes(server)).toEqual([Code.Canceled, Code.Canceled]);
    },
  );

  test("because its trailers cannot be sent", async () => {
    await using server = await startEcho({
      async *spread(note, { responseTrailer }) {
        responseTrailer.set("x-note", "a\u0001b");
        yield note;
      },
    });
    using connection = await openRaw(server.port);
    connection.send(post("application/grpc"));
    await connection.closed();
    await expect.poll(() => codes(server)).toEqual([Code.Internal]);
  });
});

describe("a stream that is refused before it has begun is answered in its own protocol", () => {
  const info = (error: ConnectError) =>
    error.findDetails(ErrorInfoSchema).map(({ reason, domain }) => ({ reason, domain }));

  test.for(transports)("because its address has too many: over $name", async ({ create }) => {
    await using server = await startEcho(openEnded().handlers, {
      clientLimits: { maxStreamsEach: 1 },
    });
    using first = await openStream(server.port);
    await first.until(/200 OK/);
    const client = createClient(EchoService, create(server.url));
    const error = await collected(client.spread({ text: "abc" })).catch(ConnectError.from);
    if (!(error instanceof ConnectError)) throw new Error("it was not refused");
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toBe("this address has too many streams open");
    expect(info(error)).toEqual([{ reason: "TOO_MANY_STREAMS", domain: "echo.test" }]);
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
    expect(error.metadata.get("retry-after")).toBe("1");
    expect(server.outcomes.map(({ error }) => error?.code)).toEqual([Code.ResourceExhausted]);
  });

  const spread = "/echo.v1.EchoService/Spread";
  test.for([
    { name: "gRPC", type: "application/grpc", want: /200 OK.*grpc-status: 14\r\n/s },
    { name: "gRPC-Web", type: "application/grpc-web", want: /200 OK.*grpc-status: 14\r\n/s },
    {
      name: "gRPC-Web text",
      type: "application/grpc-web-text",
      want: /200 OK.*application\/grpc-web-text/s,
    },
    {
      name: "Connect",
      type: "application/connect+json",
      want: /200 OK.*"code":"unavailable".*"type":"google\.rpc\.ErrorInfo"/s,
    },
    {
      name: "what no stream speaks",
      type: "application/json",
      want: /415 .*application\/connect/s,
    },
  ])("because the server drains: over $name", async ({ type, want }) => {
    await using server = await startEcho(handlers);
    using connection = await openRaw(server.port);
    // The server waits for the end of the head while it drains.
    connection.send(`POST ${spread} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n`);
    await expect.poll(() => server.listener.load().connections).toBe(1);
    // What was sent before is read by the time that this is answered.
    using later = await openRaw(server.port);
    later.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    await later.until(/page$/);
    const closed = server.listener.close(5_000);
    connection.send("Content-Length: 0\r\n\r\n");
    expect(await connection.closed()).toMatch(want);
    await closed;
  });
});
