import { Code } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cut } from "../../src/wire/cut.ts";
import { maxErrorMessageBytes } from "../../src/wire/limits.ts";
import { calls } from "./oracle/arbitrary.ts";
import {
  type Call,
  framesOf,
  isConnect,
  isGrpcLike,
  isJson,
  isLengthKnown,
  isText,
  paths,
} from "./oracle/call.ts";
import {
  endsBehindHead,
  goesOn,
  isBadTimeout,
  isBodyTooLarge,
  isServedType,
  isTooLarge,
  isUnknown,
  promisesTooMuch,
} from "./oracle/faults.ts";
import { isPlain, plainText, refusal, wasHandled, wasRead, withError } from "./oracle/refusal.ts";
import { ask, type Reply } from "./oracle/reply.ts";
import { type Oracle, startLane, startStock } from "./oracle/servers.ts";
import { jsonFault, texts, tooLarge } from "./oracle/texts.ts";

// Long because of one table: every deliberate difference to the stock adapter, each with an example.

/** A deliberate difference between the lane and the stock adapter. */
type Deviation = {
  readonly name: string;
  readonly reason: string;
  /** A call that shows it, as far as it differs from `plainCall`. */
  readonly example: Partial<Call>;
  readonly applies: (call: Call) => boolean;
  /** The call to which the stock adapter answers as the lane does to this one. */
  readonly instead?: (call: Call) => Call;
  /** Makes the expected answer of the lane out of that of the stock adapter. */
  readonly becomes?: (reply: Reply, call: Call) => Reply;
};

const note = { id: "7", text: "hello", rank: 1 };
const longNote = { ...note, text: "long ".repeat(250) };

/**
 * Applied from the first to the last. In everything else the two must agree.
 *
 * Each was looked at a second time, against the specification that it names. None hides a fault of the lane, so all stay.
 * They are of four kinds: HTTP asks for it (RFC 9110), a refusal comes earlier or is the client's fault and not the
 * server's, an answer says more than that of the stock adapter, or what cannot be stored or answered as it was sent is
 * refused. Two are choices that a client can notice without a fault of its own: the deadline of a call that has none, and
 * trailers of gRPC-Web that are never compressed.
 */
const deliberate: readonly Deviation[] = [
  {
    name: "gRPC-Web has a text form",
    reason: "grpc-web speaks it by default; it is the binary form in base64",
    example: { protocol: "gRPC-Web", contentType: "application/grpc-web-text" },
    applies: isText,
    instead: (call) => ({ ...call, contentType: call.contentType?.replace("-text", "") }),
  },
  {
    name: "the content type of a GET is not looked at",
    reason: "it would speak of a body, and a GET has none",
    example: { ...lookByGet(), contentType: "text/plain" },
    applies: (call) => call.verb === "GET" && call.method === "Look" && !isGrpcLike(call),
    instead: (call) => ({ ...call, contentType: undefined }),
  },
  {
    name: "a percent-encoded message of a GET is read byte by byte",
    reason: "the stock adapter replaces what is not UTF-8, and so reads another message",
    example: { ...lookByGet(), base64: "none", note: { ...note, rank: 300 } },
    applies: ({ protocol, base64 }) => protocol === "Connect GET" && base64 === "none",
    instead: (call) => ({ ...call, base64: "url" }),
  },
  {
    name: "a GET as gRPC is a wrong verb, not a wrong content type",
    reason: "gRPC is only ever sent by POST",
    example: { ...lookByGet(), contentType: "application/grpc" },
    applies: (call) => call.verb === "GET" && call.method === "Look" && isGrpcLike(call),
    becomes: (reply) => ({ ...reply, status: 405 }),
  },
  {
    name: "an empty name of a compression is none",
    reason: "a list of codings may be empty (RFC 9110 section 5.6.1)",
    example: { encoding: "" },
    applies: ({ encoding }) => encoding === "",
    instead: (call) => ({ ...call, encoding: undefined }),
  },
  {
    name: "the name of a compression counts in any case",
    reason: "names of codings are case-insensitive (RFC 9110 section 8.4.1)",
    example: { encoding: "GZIP" },
    applies: ({ encoding }) => encoding === "GZIP",
    instead: (call) => ({ ...call, encoding: "gzip" }),
  },
  {
    name: "a long message of an error is cut",
    reason: "clients of gRPC take 8 KiB of headers, and the message stands there",
    example: { act: "refuse 9", note: longNote },
    applies: () => true,
    becomes: cutMessage,
  },
  {
    name: "an answer is compressed only for a client that says what it accepts",
    reason: "that it can compress does not say that it can decompress",
    example: { note: longNote, encoding: "gzip", accept: undefined },
    applies: ({ accept = "" }) => accept === "",
    instead: (call) => ({ ...call, accept: "identity" }),
  },
  {
    name: "weights of accepted compressions are understood",
    reason: "HTTP has them (RFC 9110 section 12.5.3), and 0 refuses",
    example: { note: longNote, accept: "br;q=0.5, gzip" },
    applies: ({ accept = "" }) => accept.includes(";"),
    instead: (call) => ({ ...call, accept: call.accept === "gzip;q=0" ? "identity" : "br, gzip" }),
  },
  {
    name: "timeout and declared size are refused before an unknown compression",
    reason: "what all protocols share comes first, before it is asked who calls",
    example: { encoding: "deflate", timeout: "1x" },
    applies: (call) =>
      isUnknown(call.encoding) &&
      (isBadTimeout(call) || (isLengthKnown(call) && isBodyTooLarge(call))),
    instead: (call) => ({ ...call, encoding: undefined }),
  },
  {
    name: "the size of a GET is looked at before it is decompressed",
    reason: "as that of a body is",
    example: { ...lookByGet(), damage: "too large", encoding: "gzip", packing: "plain" },
    applies: (call) =>
      call.protocol === "Connect GET" && !isUnknown(call.encoding) && isTooLarge(call),
    instead: (call) => ({ ...call, encoding: undefined }),
  },
  {
    name: "what stands behind the message is refused before the message",
    reason: "nothing is decompressed or decoded that will be refused anyway",
    example: { framing: "twice", damage: "not such a thing" },
    applies: (call) => goesOn(call) && !isBodyTooLarge(call) && !promisesTooMuch(call),
    instead: (call) => ({
      ...call,
      framing: call.framing === "twice" ? "twice" : "followed by bytes",
      damage: "none",
      packing: "as named",
    }),
  },
  {
    name: "two messages that are larger than one may be are too large",
    reason: "no more of a body is held than one message needs",
    example: { framing: "twice", damage: "as large as allowed" },
    applies: (call) => goesOn(call) && isBodyTooLarge(call),
    becomes: (reply, call) =>
      isPlain(reply) || isBadTimeout(call)
        ? reply
        : refusal(call, Code.ResourceExhausted, tooLarge),
  },
  {
    name: "JSON that is not UTF-8 is refused",
    reason: "JavaScript replaces what it cannot read, so another text would be stored",
    example: { protocol: "Connect", contentType: "application/json", damage: "not UTF-8" },
    applies: (call) => call.damage === "not UTF-8" && isJson(call),
    becomes: (reply, call) =>
      wasHandled(reply)
        ? refusal(call, Code.InvalidArgument, "the message is not valid UTF-8")
        : reply,
  },
  {
    name: "a byte order mark before JSON is refused",
    reason: "RFC 8259 section 8.1 forbids to send one",
    example: {
      protocol: "Connect",
      contentType: "application/json",
      damage: "with a byte order mark",
    },
    applies: (call) => call.damage === "with a byte order mark" && isJson(call),
    becomes: (reply, call) =>
      wasHandled(reply) ? refusal(call, Code.InvalidArgument, jsonFault(call)) : reply,
  },
  {
    name: "unknown flags of a message are refused",
    reason: "what they say about the message is not known",
    example: { framing: "with an unknown flag" },
    applies: (call) => !isConnect(call) && /flag/.test(call.framing) && !isTooLarge(call),
    becomes: (reply, call) => {
      const text = `unknown flags of a message: ${framesOf(call)[0]}`;
      return wasRead(reply) ? refusal(call, Code.InvalidArgument, text) : reply;
    },
  },
  {
    name: "what is not base64 is the client's fault",
    reason: "the stock adapter calls it an internal error",
    example: { ...lookByGet(), base64: "not base64" },
    applies: ({ protocol, base64 }) => protocol === "Connect GET" && base64 !== "none",
    becomes: (reply, call) =>
      reply.error?.message === "internal error" && !wasHandled(reply)
        ? withError(call, reply, Code.InvalidArgument, "the parameter message is not base64")
        : reply,
  },
  {
    name: "a text form that is not base64 is refused",
    reason: "as the parameter of a GET is",
    example: {
      protocol: "gRPC-Web",
      contentType: "application/grpc-web-text",
      base64: "not base64",
    },
    applies: (call) => isText(call) && call.base64 === "not base64" && !isBodyTooLarge(call),
    becomes: (reply, call) =>
      wasRead(reply) ? refusal(call, Code.InvalidArgument, "the body is not base64") : reply,
  },
  {
    name: "bytes that cannot be decoded are the client's fault",
    reason: "an internal error would wake the operator and invite the client to try again",
    example: { damage: "not such a thing" },
    applies: () => true,
    becomes: (reply, call) => {
      const { code, message = "" } = reply.error ?? {};
      return code === Code.Internal && /^parse binary: |^decompression failed$/.test(message)
        ? withError(call, reply, Code.InvalidArgument, message)
        : reply;
    },
  },
  {
    name: "an answer that cannot be encoded says no more than that",
    reason: "texts of the library are for the log",
    example: { act: "overflow" },
    applies: ({ act }) => act === "overflow",
    becomes: (reply, call) =>
      reply.headers["x-handled"] === undefined
        ? reply
        : withError(call, reply, Code.Internal, "internal error"),
  },
  {
    name: "a body that ends behind the head of its message is cut off",
    reason: "the stock adapter finds no message at all there, but one was promised",
    example: { damage: "emptied", framing: "of too long a length" },
    applies: endsBehindHead,
    becomes: (reply, call) =>
      reply.error?.message.startsWith("protocol error: missing input message")
        ? withError(call, reply, Code.InvalidArgument, "protocol error: incomplete envelope")
        : reply,
  },
  {
    name: "the wire's own refusals have texts of their own",
    reason: "they speak of the request, not of options that a client does not know",
    example: { damage: "too large" },
    applies: () => true,
    becomes: (reply, call) => {
      const text = texts.find(([theirs]) => theirs.test(reply.error?.message ?? ""))?.[1](call);
      return reply.error && text ? withError(call, reply, reply.error.code, text) : reply;
    },
  },
  {
    name: "a time that is over is over before anything is done",
    reason: "nobody waits for the answer, so a change would go unnoticed",
    example: { timeout: "0S" },
    applies: ({ timeout = "" }) => /^0+[HMSmun]?$/.test(timeout),
    becomes: (reply, call) =>
      isPlain(reply) ? reply : refusal(call, Code.DeadlineExceeded, "deadline exceeded"),
  },
  {
    name: "an unknown method is unimplemented",
    reason: "gRPC says so in a status, not by 404",
    example: { method: "Nothing" },
    applies: (call) => call.method === "Nothing" && isGrpcLike(call),
    becomes: (reply, call) => {
      if (call.verb !== "POST") return { ...reply, status: 405 };
      if (!isServedType(call)) return { ...reply, status: 415 };
      return refusal(call, Code.Unimplemented, `unknown method ${paths.Nothing}`);
    },
  },
  {
    name: "a refusal by HTTP says what would do",
    reason:
      "RFC 9110 asks for Allow (section 15.5.6) and offers Accept (section 15.5.16); the text is for people with curl",
    example: { verb: "PUT" },
    applies: () => true,
    becomes: (reply, call) => {
      const [verbs, types] = [allowedVerbs(call), servedTypes(call)];
      switch (reply.status) {
        case 404:
          return isPlain(reply)
            ? withText(call, reply, `unknown method ${paths[call.method]}\n`)
            : reply;
        case 405:
          return withText(
            call,
            withHeader(reply, "allow", verbs),
            `This path takes ${verbs} only.\n`,
          );
        case 415:
          return withText(
            call,
            withHeader(reply, "accept-post", types),
            `Send one of these content types: ${types}\n`,
          );
        default:
          return reply;
      }
    },
  },
  {
    name: "a call without a deadline is given one",
    reason: "no call may hold what it uses for ever",
    example: {},
    applies: ({ timeout }) => timeout === undefined,
    becomes: inOneMinute,
  },
  {
    name: "a deadline beyond the longest is shortened",
    reason: "the client is served all the same, and no timer overflows",
    example: { timeout: "500H" },
    applies: ({ timeout = "" }) => ["500H", "1000000000"].includes(timeout),
    becomes: inOneMinute,
  },
  {
    name: "every answer depends on the origin",
    reason: "a cache must not give one origin the answer to another",
    example: {},
    applies: () => true,
    becomes: (reply) => withHeader(reply, "vary", "Origin"),
  },
  {
    name: "every answer says which compressions are understood",
    reason: "a client learns it with its first call, not with its first failure",
    example: { method: "Check" },
    applies: () => true,
    becomes: (reply, call) =>
      isPlain(reply)
        ? reply
        : withHeader(
            reply,
            isConnect(call) ? "accept-encoding" : "grpc-accept-encoding",
            "gzip,br",
          ),
  },
  {
    name: "an answer that is not compressed names no compression",
    reason: "whoever reads the headers is told what is there",
    example: { accept: "gzip" },
    applies: (call) => !isConnect(call),
    becomes: (reply) => {
      const { "grpc-encoding": _, ...headers } = reply.headers;
      return reply.flags.includes(1) ? reply : { ...reply, headers };
    },
  },
  {
    name: "the trailers of gRPC-Web are never compressed",
    reason: "clients need not expect it, and trailers are small",
    example: {
      protocol: "gRPC-Web",
      contentType: "application/grpc-web+proto",
      act: "refuse at length",
      accept: "gzip",
    },
    applies: ({ protocol }) => protocol === "gRPC-Web",
    becomes: (reply) => ({
      ...reply,
      flags: reply.flags.map((flags) => (flags === 0x81 ? 0x80 : flags)),
    }),
  },
  {
    name: "gRPC answers with the content type of the request",
    reason: "as other servers do; some clients compare the two",
    example: { contentType: "application/grpc" },
    applies: (call) => !isConnect(call),
    becomes: (reply, { contentType = "" }) =>
      isPlain(reply) ? reply : withHeader(reply, "content-type", contentType),
  },
];

function allowedVerbs(call: Call): string {
  return call.method === "Look" && !isGrpcLike(call) ? "GET, POST" : "POST";
}

function servedTypes(call: Call): string {
  if (!isGrpcLike(call)) return "application/json, application/proto";
  return /grpc-web/i.test(call.contentType ?? "")
    ? "application/grpc-web, application/grpc-web-text"
    : "application/grpc, application/grpc+json";
}

/** The answer to HEAD has no body. */
function withText({ verb }: Call, reply: Reply, text: string): Reply {
  const messages = verb === "HEAD" ? [] : [Buffer.from(text).toString("hex")];
  return { ...withHeader(reply, "content-type", plainText), messages };
}

function withHeader(reply: Reply, name: string, value: string): Reply {
  return { ...reply, headers: { ...reply.headers, [name]: value } };
}

/** The handler answers with the minutes that it has left. */
function inOneMinute(reply: Reply): Reply {
  return reply.headers["x-minutes"] ? withHeader(reply, "x-minutes", "1") : reply;
}

function lookByGet() {
  return { protocol: "Connect GET", verb: "GET", method: "Look", contentType: undefined } as const;
}

const plainCall: Call = {
  protocol: "gRPC",
  version: "HTTP/2",
  verb: "POST",
  method: "Echo",
  contentType: "application/grpc+proto",
  format: "proto",
  base64: "url",
  note,
  act: "echo",
  damage: "none",
  encoding: undefined,
  packing: "as named",
  framing: "whole",
  timeout: undefined,
  accept: "identity",
  metadata: {},
  isAnnounced: true,
};

function cutMessage(reply: Reply): Reply {
  const { error } = reply;
  if (error === undefined) return reply;
  const short = (text: string) => cut(text, maxErrorMessageBytes);
  // Of gRPC, the first of the details is the status itself.
  const details = error.details.map((detail) => {
    const isStatus = typeof detail === "object" && detail !== null && "message" in detail;
    return isStatus ? { ...detail, message: short(String(detail.message)) } : detail;
  });
  return { ...reply, error: { ...error, message: short(error.message), details } };
}

let lane: Oracle;
let stock: Oracle;
beforeAll(async () => {
  [lane, stock] = await Promise.all([startLane(), startStock()]);
});
afterAll(() => Promise.all([lane.close(), stock.close()]));

/** What the lane has to answer if these are all the deviations. */
async function wanted(call: Call, deviations: readonly Deviation[]): Promise<Reply> {
  const applying = deviations.filter(({ applies }) => applies(call));
  const asked = applying.reduce((before, { instead }) => instead?.(before) ?? before, call);
  const reply = await ask(stock, asked);
  return applying.reduce((before, { becomes }) => becomes?.(before, call) ?? before, reply);
}

describe("the lane agrees with the stock adapter, whatever is sent", () => {
  test.for(["gRPC", "gRPC-Web", "Connect", "Connect GET"] as const)("as %s", async (protocol) => {
    await fc.assert(
      fc.asyncProperty(calls(protocol), async (call) => {
        const [got, want] = await Promise.all([ask(lane, call), wanted(call, deliberate)]);
        expect(got).toEqual(want);
      }),
      { seed: 20_261_123, numRuns: 1_200 },
    );
  });
});

describe("the lane agrees with the stock adapter on a deadline that passes in the handler", () => {
  test.for<Partial<Call>>([
    { protocol: "gRPC", timeout: "20m" },
    { protocol: "gRPC-Web", contentType: "application/grpc-web", timeout: "20m" },
    { protocol: "Connect", contentType: "application/json", timeout: "20" },
    { ...lookByGet(), timeout: "20" },
  ])("as $protocol", async (changes) => {
    const call = { ...plainCall, ...changes, act: "wait" };
    const [got, want] = await Promise.all([ask(lane, call), wanted(call, deliberate)]);
    expect(got).toEqual(want);
    expect(got.error).toMatchObject({ code: Code.DeadlineExceeded });
  });
});

describe("each deviation occurs", () => {
  test.for(deliberate)("$name", async (deviation) => {
    const call: Call = { ...plainCall, ...deviation.example };
    const others = deliberate.filter((each) => each !== deviation);
    const got = await ask(lane, call);
    expect(got).toEqual(await wanted(call, deliberate));
    expect(got).not.toEqual(await wanted(call, others));
  });
});
