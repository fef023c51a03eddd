import { gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { RequestGate } from "../../src/wire/call.ts";
import { cut, echo } from "../../src/wire/cut.ts";
import { maxEchoBytes, maxErrorMessageBytes } from "../../src/wire/limits.ts";
import { type EchoServer, startEcho } from "./echo.ts";
import { exchangeRaw, openHttp2, requestHttp2 } from "./raw.ts";
import { binaryNote, envelope, jsonNote, openEnvelopes, speakers } from "./speak.ts";

// Long because of its tables of input that errors repeat, one row for each.

const path = "/echo.v1.EchoService/Echo";

/** Names and values, as HTTP/2 counts them (RFC 9113 section 6.5.2). */
function bytesOf(headers: Readonly<Record<string, unknown>>): number {
  return Object.entries(headers)
    .flatMap(([name, values]) => [values].flat().map((value) => [name, String(value)] as const))
    .reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

/** A gRPC call that fails, and how large the heads of its answer are. */
async function refusedGrpc(
  server: EchoServer,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  method = path,
) {
  using session = openHttp2(server.port);
  const answer = await requestHttp2(
    session,
    { ":method": "POST", ":path": method, "content-type": "application/grpc", ...headers },
    body,
  );
  const status = answer.trailers["grpc-status"] === undefined ? answer.headers : answer.trailers;
  const details = Buffer.from(String(status["grpc-status-details-bin"] ?? ""), "base64");
  return {
    code: Number(status["grpc-status"]),
    message: decodeURIComponent(String(status["grpc-message"])),
    details: fromBinary(StatusSchema, details).details,
    headBytes: Math.max(bytesOf(answer.headers), bytesOf(answer.trailers)),
  };
}

const json = { "content-type": "application/grpc+json" };
const twice = (key: string) =>
  envelope(Buffer.from(`{${JSON.stringify(key)}:1,${JSON.stringify(key)}:2}`));

describe("A6: a head stays below 8 KiB, whatever the client sends", () => {
  const long = "k".repeat(32_000);
  const wide = "長".repeat(10_000);
  test.for<{
    name: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
    method?: string;
    code: Code;
  }>([
    { name: "a key", headers: json, body: twice(long), code: Code.InvalidArgument },
    { name: "a wide key", headers: json, body: twice(wide), code: Code.InvalidArgument },
    {
      name: "a key of emoji",
      headers: json,
      body: twice("🦒".repeat(4_000)),
      code: Code.InvalidArgument,
    },
    {
      name: "a value of the wrong type",
      headers: json,
      body: envelope(Buffer.from(JSON.stringify({ rank: wide }))),
      code: Code.InvalidArgument,
    },
    {
      name: "a compression",
      headers: { "grpc-encoding": "a".repeat(14_000) },
      body: envelope(binaryNote()),
      code: Code.Unimplemented,
    },
    {
      name: "a timeout",
      headers: { "grpc-timeout": "1".repeat(14_000) },
      body: envelope(binaryNote()),
      code: Code.InvalidArgument,
    },
    {
      name: "a path",
      method: `/a.B/${"C".repeat(14_000)}`,
      body: envelope(binaryNote()),
      code: Code.Unimplemented,
    },
    {
      name: "the timeout of a stream",
      method: "/echo.v1.EchoService/Talk",
      headers: { "grpc-timeout": "1".repeat(14_000) },
      code: Code.InvalidArgument,
    },
    {
      name: "the compression of a stream",
      method: "/echo.v1.EchoService/Talk",
      headers: { "grpc-encoding": "a".repeat(14_000) },
      code: Code.Unimplemented,
    },
    {
      name: "a key in a stream",
      method: "/echo.v1.EchoService/Talk",
      headers: json,
      body: twice(wide),
      code: Code.InvalidArgument,
    },
  ])("$name", async ({ headers = {}, body = Buffer.alloc(0), method = path, code }) => {
    await using server = await startEcho({
      async *talk(notes) {
        for await (const note of notes) yield note;
      },
    });
    const refused = await refusedGrpc(server, headers, body, method);
    expect(refused.code).toBe(code);
    expect(refused.message).not.toBe("");
    expect(Buffer.byteLength(refused.message)).toBeLessThanOrEqual(maxErrorMessageBytes);
    expect(refused.details.length).toBeGreaterThan(0);
    expect(refused.headBytes).toBeLessThan(8_192);
  });

  test.for(speakers)("a handler that repeats what it was sent: $name", async ({ say }) => {
    await using server = await startEcho({
      echo: ({ text }) => {
        throw new ConnectError(text, Code.Aborted);
      },
    });
    const { code, message } = await say(server, { note: { id: "1", text: wide } });
    expect(code).toBe(Code.Aborted);
    expect(message).toBe(`${"長".repeat(340)}…`);
  });

  test.for([
    { kind: "a call", method: path },
    { kind: "a stream", method: "/echo.v1.EchoService/Talk" },
  ])("details of $kind that do not fit are left out, but for the reason", async ({ method }) => {
    const fail = () => {
      throw new ConnectError("長".repeat(340), Code.Aborted, undefined, [
        { desc: StatusSchema, value: { message: "x".repeat(4_000) } },
      ]);
    };
    await using server = await startEcho({ echo: fail, talk: fail });
    const refused = await refusedGrpc(server, {}, envelope(binaryNote()), method);
    expect(refused.code).toBe(Code.Aborted);
    expect(refused.message).toBe("長".repeat(340));
    expect(refused.headBytes).toBeLessThan(8_192);
    expect(refused.details.map((any) => anyUnpack(any, ErrorInfoSchema))).toMatchObject([
      { reason: "ABORTED", domain: "echo.test" },
    ]);
  });

  test("over HTTP/1.1", async () => {
    await using server = await startEcho();
    const body = twice(wide);
    const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/grpc+json\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
    const answer = await exchangeRaw(server.port, Buffer.concat([Buffer.from(head), body]));
    expect(answer).toContain("grpc-status: 3\r\n");
    expect(answer.length).toBeLessThan(8_192);
  });
});

describe("A2: what is repeated of input is cut", () => {
  test("on REST: the name of a parameter", async () => {
    await using server = await startEcho();
    const name = `rank.${"x".repeat(10_000)}`;
    const response = await fetch(`${server.url}/api/v1/notes/1?${name}=1`);
    const { message } = (await response.json()) as { message: string };
    expect(response.status).toBe(400);
    expect(message).toContain("type mismatch, parameter: rank.xxx");
    expect(message.length).toBeLessThan(2 * maxEchoBytes);
  });

  test.for(["application/json", "application/proto"])("by Connect as %s", async (type) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": type, "connect-timeout-ms": "x".repeat(10_000) },
      body: new Uint8Array(jsonNote()),
    });
    const { message } = (await response.json()) as { message: string };
    expect(message).toContain("invalid connect timeout value: xxx");
    expect(message.length).toBeLessThan(2 * maxEchoBytes);
  });

  test.for([
    { name: "short", text: "short", want: "short" },
    { name: "as long as may be", text: "x".repeat(300), want: "x".repeat(300) },
    { name: "longer", text: "x".repeat(301), want: `${"x".repeat(297)}…` },
    { name: "of two bytes", text: "é".repeat(151), want: `${"é".repeat(148)}…` },
    { name: "of surrogates", text: `x${"🦒".repeat(100)}`, want: `x${"🦒".repeat(74)}…` },
    { name: "a lone surrogate", text: "\ud800", want: "\ud800" },
  ])("echo: $name", ({ text, want }) => {
    expect(echo(text)).toBe(want);
    expect(Buffer.byteLength(echo(text))).toBeLessThanOrEqual(maxEchoBytes);
  });

  test("cut looks at no more than it returns", () => {
    expect(cut("長".repeat(1e6), 9)).toBe("長長…");
  });
});

describe("D5: codings are case-insensitive, and x-gzip is gzip", () => {
  const note = gzipSync(jsonNote());
  test.for(
    ["GZIP", "x-gzip", "X-GZip", " gzip"].flatMap((coding) => [
      { coding, name: "Connect", url: path, method: "POST", header: "content-encoding" },
      { coding, name: "REST", url: "/api/v1/notes/7", method: "PUT", header: "content-encoding" },
    ]),
  )("$coding on $name", async ({ coding, url, method, header }) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${url}`, {
      method,
      headers: { "content-type": "application/json", [header]: coding },
      body: new Uint8Array(note),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: "7", text: "hello" });
  });

  test.for([
    { kind: "a call", method: path },
    { kind: "a stream", method: "/echo.v1.EchoService/Talk" },
  ])("GZIP and x-gzip on gRPC: $kind", async ({ method }) => {
    await using server = await startEcho({
      async *talk(notes) {
        yield* notes;
      },
    });
    using session = openHttp2(server.port);
    for (const coding of ["GZIP", "x-gzip"]) {
      const answer = await requestHttp2(
        session,
        {
          ":method": "POST",
          ":path": method,
          "content-type": "application/grpc",
          "grpc-encoding": coding,
          "grpc-accept-encoding": coding,
        },
        envelope(gzipSync(binaryNote()), 1),
      );
      expect(answer.trailers["grpc-status"]).toBe("0");
      expect(openEnvelopes(answer.body)).toHaveLength(1);
    }
  });

  test.for(["GZIP", "x-gzip;q=1", "br;Q=0, X-GZIP"])("Accept-Encoding: %s", async (accepted) => {
    const text = "x".repeat(5_000);
    await using server = await startEcho({ echo: () => ({ text }) });
    const answer = await exchangeRaw(
      server.port,
      `PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: ${accepted}\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(answer).toContain("content-encoding: gzip\r\n");
  });
});

describe("D6: every error of a call has an ErrorInfo", () => {
  test.for<{
    name: string;
    headers?: Record<string, string>;
    body?: Uint8Array;
    method?: string;
    reason: string;
  }>([
    { name: "a bad timeout", headers: { "grpc-timeout": "soon" }, reason: "TIMEOUT_INVALID" },
    {
      name: "an unknown compression",
      headers: { "grpc-encoding": "lzw" },
      reason: "COMPRESSION_UNKNOWN",
    },
    { name: "a handler's own", reason: "ABORTED" },
    { name: "a method that is not there", method: "/a.B/C", reason: "METHOD_UNKNOWN" },
    {
      name: "a method that is not written",
      method: "/echo.v1.EchoService/Spread",
      reason: "UNIMPLEMENTED",
    },
    {
      name: "a bad timeout of a stream",
      method: "/echo.v1.EchoService/Talk",
      headers: { "grpc-timeout": "soon" },
      reason: "TIMEOUT_INVALID",
    },
    {
      name: "an unknown compression of a stream",
      method: "/echo.v1.EchoService/Talk",
      headers: { "grpc-encoding": "lzw" },
      reason: "COMPRESSION_UNKNOWN",
    },
    {
      name: "a message that is none, in a stream",
      method: "/echo.v1.EchoService/Talk",
      body: envelope(Buffer.of(0, 1)),
      reason: "MESSAGE_MALFORMED",
    },
    {
      name: "too large a message, in a stream",
      method: "/echo.v1.EchoService/Talk",
      body: envelope(Buffer.alloc(70_000)),
      reason: "RESOURCE_EXHAUSTED",
    },
    {
      name: "an end within a message, in a stream",
      method: "/echo.v1.EchoService/Talk",
      body: envelope(Buffer.alloc(3), 0, 9),
      reason: "INVALID_ARGUMENT",
    },
  ])("$name", async ({ headers = {}, body = envelope(binaryNote()), method = path, reason }) => {
    await using server = await startEcho({
      echo: () => {
        throw new ConnectError("no", Code.Aborted);
      },
      async *talk(notes) {
        yield* notes;
      },
    });
    const { details } = await refusedGrpc(server, headers, body, method);
    expect(details.map((any) => anyUnpack(any, ErrorInfoSchema))).toMatchObject([
      { reason, domain: "echo.test" },
    ]);
  });

  test.for(speakers)("over $name: a compression that nobody knows", async ({ protocol, say }) => {
    await using server = await startEcho();
    const header = protocol.startsWith("grpc") ? "grpc-encoding" : "content-encoding";
    expect(await say(server, { headers: { [header]: "lzw" } })).toMatchObject({
      code: Code.Unimplemented,
      details: ["google.rpc.ErrorInfo"],
    });
  });

  test.for(speakers)("over $name: a bad timeout", async ({ protocol, say }) => {
    await using server = await startEcho();
    const header = protocol === "connect" ? "connect-timeout-ms" : "grpc-timeout";
    expect(await say(server, { headers: { [header]: "soon" } })).toMatchObject({
      code: Code.InvalidArgument,
      details: ["google.rpc.ErrorInfo"],
    });
  });

  test.for<{ name: string; requestGate: RequestGate; reason: string }>([
    {
      name: "refuses",
      requestGate: () => {
        throw new ConnectError("no", Code.PermissionDenied);
      },
      reason: "PERMISSION_DENIED",
    },
    {
      name: "fails",
      requestGate: () => {
        throw new Error("password=hunter2");
      },
      reason: "INTERNAL",
    },
    {
      name: "takes too long",
      requestGate: () => new Promise(() => {}),
      reason: "DEADLINE_EXCEEDED",
    },
  ])("a stream whose gate $name", async ({ requestGate, reason }) => {
    const limits = { maxMessageBytes: 65_536, defaultDeadlineMs: 50, maxDeadlineMs: 60_000 };
    await using server = await startEcho({}, { requestGate, limits });
    const method = "/echo.v1.EchoService/Talk";
    const { details } = await refusedGrpc(server, {}, envelope(binaryNote()), method);
    expect(details.map((any) => anyUnpack(any, ErrorInfoSchema))).toMatchObject([
      { reason, domain: "echo.test" },
    ]);
  });

  test("a stream of Connect", async () => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}/echo.v1.EchoService/Spread`, {
      method: "POST",
      headers: { "content-type": "application/connect+proto", "connect-timeout-ms": "soon" },
      body: new Uint8Array(envelope(binaryNote())),
    });
    const [end] = openEnvelopes(Buffer.from(await response.arrayBuffer()));
    expect(JSON.parse(String(end?.payload))).toMatchObject({
      error: { details: [{ debug: { reason: "TIMEOUT_INVALID", domain: "echo.test" } }] },
    });
  });
});
