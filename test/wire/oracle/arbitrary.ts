import fc from "fast-check";
import { type Call, damages, framings, packings, paths } from "./call.ts";
import { acts } from "./handlers.ts";

const names = <Name extends string>(table: Record<Name, unknown>) => Object.keys(table) as Name[];

/** Mostly right values, so that a request rarely has more than two faults. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>, weight = 12) =>
  fc.oneof({ weight, arbitrary: right }, { weight: 1, arbitrary: wrong });

const contentTypes: Record<
  Call["protocol"],
  { right: (string | undefined)[]; wrong: (string | undefined)[] }
> = {
  gRPC: {
    right: [
      "application/grpc",
      "application/grpc+proto",
      "application/grpc+json",
      "application/grpc+json; charset=utf-8",
      "Application/GRPC+Proto",
    ],
    wrong: [
      "application/grpc+xml",
      "application/grpc; charset=utf-8",
      "application/grpcx",
      undefined,
    ],
  },
  "gRPC-Web": {
    right: [
      "application/grpc-web",
      "application/grpc-web+proto",
      "application/grpc-web+json",
      "application/grpc-web-text",
      "application/grpc-web-text+proto",
    ],
    wrong: ["application/grpc-web+xml", "application/grpc-web; x=y", "application/grpc-webs"],
  },
  Connect: {
    right: [
      "application/json",
      "application/proto",
      "application/json; charset=utf-8",
      "application/json;charset=UTF8",
      "APPLICATION/JSON",
    ],
    wrong: [
      "application/json; charset=latin1",
      "application/connect+json",
      "text/plain",
      "",
      undefined,
    ],
  },
  "Connect GET": {
    right: [undefined],
    wrong: ["application/json", "text/plain", "application/grpc", "application/grpc-web+xml"],
  },
};

const timeouts = {
  grpc: {
    right: [undefined, "30S", "45000m", "30000000u", "1M", "500H"],
    wrong: ["0S", "00000000n", "", "1", "-1S", "1x", "123456789S", "1.5S", "1S, 2S"],
  },
  connect: {
    right: [undefined, "30000", "60000", "1000000000", "0045000"],
    wrong: ["0", "0000000000", "", "1s", "-1", "12345678901", "1e3", "30000, 30000"],
  },
};

const printable = fc.string({
  unit: fc.constantFrom(..."abc XYZ019!#%&'*+,-.;=\"/"),
  maxLength: 12,
});
const word = fc.string({
  unit: fc.constantFrom(..."abcdefghij0123456789"),
  minLength: 1,
  maxLength: 8,
});

const note = fc.record({
  id: word,
  text: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.toWellFormed()),
    },
    { weight: 1, arbitrary: fc.nat(250).map((times) => "lorem ".repeat(times)) },
  ),
  rank: fc.oneof(fc.nat(3), fc.integer()),
});

const metadata = fc
  .record(
    {
      "x-meta-plain": printable.map((value) => value.trim()),
      "x-meta-many": fc.array(word, { minLength: 2, maxLength: 3 }),
      "x-meta-bin": fc
        .uint8Array({ maxLength: 9 })
        .map((bytes) => Buffer.from(bytes).toString("base64")),
      "connect-protocol-version": fc.constantFrom("1", "2"),
      "user-agent": word,
      te: fc.constant("trailers"),
    },
    { requiredKeys: [] },
  )
  .map((record) => ({ ...record }));

/** Calls of one protocol, from right to wrong in any way. */
export function calls(protocol: Call["protocol"]): fc.Arbitrary<Call> {
  const isGet = protocol === "Connect GET";
  const types = contentTypes[protocol];
  const times = protocol.startsWith("Connect") ? timeouts.connect : timeouts.grpc;
  const all = fc.record<Call>({
    protocol: fc.constant(protocol),
    version: fc.constantFrom("HTTP/1.1", "HTTP/2"),
    verb: mostly(
      fc.constant(isGet ? "GET" : "POST"),
      fc.constantFrom("POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS"),
      20,
    ),
    method: isGet
      ? mostly(fc.constant("Look"), fc.constantFrom(...names(paths)))
      : mostly(fc.constantFrom("Echo", "Look"), fc.constantFrom("Check", "Nothing"), 8),
    contentType: mostly(fc.constantFrom(...types.right), fc.constantFrom(...types.wrong)),
    format: mostly(
      fc.constantFrom("json", "proto"),
      fc.constantFrom("xml", "JSON", "json; charset=utf-8", "connect+json", ""),
    ),
    base64: mostly(
      fc.constantFrom("none", "standard", "unpadded", "url"),
      fc.constantFrom("cut", "not base64"),
    ),
    note,
    act: mostly(
      fc.constant("echo"),
      fc.oneof(
        fc.constantFrom(...acts),
        fc.integer({ min: 1, max: 16 }).map((code) => `refuse ${code}`),
      ),
      3,
    ),
    damage: mostly(fc.constant("none"), fc.constantFrom(...names(damages)), 2),
    encoding: mostly(
      fc.constantFrom(undefined, "gzip", "br"),
      fc.constantFrom("identity", "deflate", "GZIP", "gzip, gzip", ""),
    ),
    packing: mostly(fc.constant("as named"), fc.constantFrom(...packings), 6),
    framing: mostly(fc.constant("whole"), fc.constantFrom(...names(framings)), 3),
    timeout: mostly(fc.constantFrom(...times.right), fc.constantFrom(...times.wrong)),
    accept: fc.constantFrom(
      undefined,
      "",
      "gzip",
      "br",
      "identity",
      "deflate",
      "deflate, br",
      "gzip ,br",
      "gzip;q=0",
      "br;q=0.5, gzip",
    ),
    metadata,
    isAnnounced: fc.boolean(),
  });
  return all.map((call) => ({
    ...call,
    // Otherwise it would be a call of another protocol.
    contentType: isGet && call.verb === "POST" ? undefined : call.contentType,
    // If a message has two faults, a library decides which one is reported.
    base64: call.base64 === "cut" && call.damage !== "none" ? "url" : call.base64,
    packing: call.packing === "cut off" && call.damage !== "none" ? "as named" : call.packing,
  }));
}
