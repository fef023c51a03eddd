import type { Fields } from "../frames.ts";
import type { Random } from "../random.ts";
import { type Attack, mutate, split } from "./attack.ts";
import {
  type Call,
  http1Bytes,
  type Protocol,
  profilePath,
  protocols,
  type Target,
  validCall,
} from "./calls.ts";

// Long because it is one table of attacks with the functions that make their bytes.

/** Requests over HTTP/1.1 that are wrong as HTTP, or as no client would send them. */
export const http1Attacks: readonly Attack[] = [
  {
    name: "W13 HTTP/1.1 requests with mutated bytes",
    door: "plain",
    amount: { share: 8 },
    make(random, target) {
      const valid = http1Bytes(validCall(onHttp1(random), target, random));
      return { writes: split(mutate(valid, random, words), random), requests: 1 };
    },
  },
  {
    name: "W13 request smuggling pairs",
    door: "plain",
    amount: { share: 5 },
    make: (random, target) => ({
      writes: split(Buffer.from(smuggled(target, random), "latin1"), random),
      requests: 2,
      owes: "a refusal",
    }),
  },
  {
    name: "W21 bad Host",
    door: "plain",
    amount: { share: 4 },
    make(random, target) {
      const host = random.oneIn(4)
        ? random.bytes(1 + random.int(20)).toString("latin1")
        : random.pick(badHosts);
      const request = http1Bytes(validCall(onHttp1(random), target, random), host).toString(
        "latin1",
      );
      const version = random.pick(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
      return { writes: [Buffer.from(request.replace("HTTP/1.1", version), "latin1")], requests: 1 };
    },
  },
  {
    name: "W12 huge or many headers, __proto__ headers",
    door: "plain",
    amount: { share: 3 },
    make(random, target) {
      const call = validCall(onHttp1(random), target, random);
      const fields = [...call.fields, ...manyFields(random)];
      return { writes: [http1Bytes({ ...call, fields })], requests: 1, owes: "an end" };
    },
  },
  {
    name: "W12 absurd lengths and chunks",
    door: "plain",
    amount: { share: 3 },
    make(random, target) {
      const head = `PUT ${profilePath(target)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.token}\r\n`;
      return {
        writes: split(Buffer.from(head + random.pick(absurdBodies), "latin1"), random),
        requests: 1,
      };
    },
  },
  {
    name: "W14 early answer to a body that goes on",
    door: "plain",
    amount: { times: 20 },
    make(random, target) {
      const path = random.pick([profilePath(target), "/nothing", "/management/v1/users/"]);
      const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 65000\r\n\r\n`;
      const pieces = Array.from({ length: 8 }, () => random.bytes(100));
      return { writes: [Buffer.from(head), ...pieces], requests: 1, pauseMs: 50, owes: "an end" };
    },
  },
  {
    name: "W15 pipelining",
    door: "plain",
    amount: { times: 4 },
    make(_random, { floodFrames }) {
      const answers = Math.min(5_000, floodFrames);
      const writes = [
        Buffer.from("GET /debug/healthz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(answers)),
      ];
      return { writes, requests: 1, answers, owes: "an end" };
    },
  },
  {
    name: "W18 path tricks",
    door: "plain",
    amount: { share: 4 },
    make: (random, target) =>
      pipelined(random, target, (call) => ({ ...call, path: oddPath(target, random) })),
  },
  {
    name: "W19 organization and Forwarded header tricks",
    door: "plain",
    amount: { share: 3 },
    make: (random, target) =>
      pipelined(random, target, (call) => withFields(call, oddOrganization(random))),
  },
  {
    name: "W20 CORS origins",
    door: "plain",
    amount: { share: 2 },
    make: (random, target) =>
      pipelined(random, target, (call) => ({
        ...withFields(call, oddOrigin(random)),
        method: random.pick(["OPTIONS", call.method]),
      })),
  },
  {
    name: "W22 abrupt closes",
    door: "plain",
    amount: { share: 2 },
    make(random, target) {
      const valid = http1Bytes(validCall(onHttp1(random), target, random));
      const cut = valid.subarray(0, random.int(valid.byteLength + 1));
      return { writes: [cut], requests: 1, leave: random.pick(["reset", "half-close"]) };
    },
  },
];

const onHttp1 = (random: Random): Protocol =>
  random.pick(protocols.filter((name) => name !== "grpc"));

const words = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  " ",
  "\t",
  "\0",
  ":",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 99999999999999999999\r\n",
  "Content-Length: -1\r\n",
  "Host: b\r\n",
  "Connection: upgrade\r\nUpgrade: h2c\r\n",
  "Expect: 100-continue\r\n",
  "__proto__: x\r\n",
  "HTTP/1.0",
  "HTTP/2.0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "CONNECT ",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
] as const;

const smugglers = [
  "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
  "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
  "Content-Length: 2, 2\r\n\r\n{}",
  "Content-Length: +2\r\n\r\n{}",
  "Content-Length: 0x2\r\n\r\n{}",
  "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n2;\n\r\n{}\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
  "Host: b\r\n\r\n",
  "X\0: y\r\n\r\n",
  "X: a\rb\r\n\r\n",
  ": y\r\n\r\n",
] as const;

/** A request that two parsers would end at different places, and after it one that must not be answered. */
function smuggled(target: Target, random: Random): string {
  const verb = random.pick(["PUT", "POST", "DELETE"]);
  const head = `${verb} ${profilePath(target)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.token}\r\n`;
  return `${head}${random.pick(smugglers)}GET /debug/healthz HTTP/1.1\r\nHost: a\r\n\r\n`;
}

const badHosts = [
  "",
  "[",
  "]",
  "[::1",
  "[zz]",
  "a b",
  "a\tb",
  "a/b",
  "a?b",
  "a#b",
  "a@b",
  "a:b",
  "a:99999",
  "a:-1",
  "a:1:2",
  "%",
  "%00",
  "%zz",
  "a,b",
  "http://a",
  "\\",
  "a\u00ff",
  "xn--\u0080",
  "..",
  "__proto__",
  `${"a".repeat(5_000)}`,
  "0x7f.1",
  "999.999.999.999",
  "<script>",
] as const;

function manyFields(random: Random): Fields {
  const value = (length: number) => "v".repeat(length);
  switch (random.int(4)) {
    case 0:
      return [["x-huge", value(random.pick([10_000, 15_000, 17_000, 150_000]))]];
    case 1:
      return Array.from({ length: random.pick([60, 100, 130, 2_500]) }, (_, index) => [
        `x-${index}`,
        "v",
      ]);
    case 2:
      return Array.from({ length: 1 + random.int(90) }, () => [
        random.pick(["__proto__", "constructor", "toString"]),
        "v",
      ]);
    default:
      return Array.from({ length: 1 + random.int(90) }, () => [
        random.pick([
          "authorization",
          "content-type",
          "grpc-timeout",
          "connect-timeout-ms",
          "x-zitadel-orgid",
        ]),
        random.pick([
          "",
          "Bearer x",
          "0m",
          "99999999H",
          "600H",
          "-1",
          "9".repeat(30),
          "application/grpc",
        ]),
      ]);
  }
}

const absurdBodies = [
  "Content-Length: 3000000000\r\n\r\n{}",
  "Content-Length: 99999999999999999999999\r\n\r\n{}",
  "Content-Length: -5\r\n\r\n{}",
  "Content-Length: 1e3\r\n\r\n{}",
  "Content-Length: \r\n\r\n{}",
  "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
  "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n{}",
  `Transfer-Encoding: chunked\r\n\r\n2;${"e".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
  `Transfer-Encoding: chunked\r\n\r\n${"1\r\n \r\n".repeat(3_000)}0\r\n\r\n`,
  `Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${"t: v\r\n".repeat(5_000)}\r\n`,
  `Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
  `Expect: nonsense\r\nContent-Length: 2\r\n\r\n{}`,
  `Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}`,
] as const;

function pipelined(random: Random, target: Target, change: (call: Call) => Call) {
  const calls = Array.from({ length: 8 }, () => change(validCall(onHttp1(random), target, random)));
  const bytes = Buffer.concat(calls.map((call) => http1Bytes(call)));
  return { writes: split(bytes, random), requests: calls.length, owes: "an end" } as const;
}

const withFields = (call: Call, fields: Fields): Call => ({
  ...call,
  fields: [...call.fields, ...fields],
});

const oddSegments = [
  "%2e%2e",
  "..",
  ".",
  "%2F",
  "%2525",
  "%00",
  "%c0%af",
  "%ff",
  "%",
  "%zz",
  "%u0041",
  ";x=y",
  "",
  "/",
  "\\",
  "~",
  "__proto__",
  "a".repeat(201),
  "a".repeat(8_000),
  "%E2%80%AE",
  "*",
  "{user_id}",
  "'--",
] as const;

function oddPath(target: Target, random: Random): string {
  const parts = profilePath(target).split("/");
  parts[1 + random.int(parts.length - 1)] = random.pick(oddSegments);
  const path = random.pick([parts.join("/"), `/${parts.join("/")}`, parts.join("/").toUpperCase()]);
  return (
    path + random.pick(["", "", "/", "?a=b&a=c&__proto__.x=1", "?userId=%", "#x", "?".repeat(50)])
  );
}

const oddOrganization = (random: Random): Fields =>
  Array.from({ length: 1 + random.int(3) }, () => [
    random.pick([
      "x-zitadel-orgid",
      "x-zitadel-orgid",
      "forwarded",
      "x-forwarded-for",
      "x-forwarded-host",
    ]),
    random.pick([
      "69629023906488334",
      "69629023906488335",
      "' OR 1=1 --",
      "__proto__",
      "a".repeat(3_000),
      "\u00ff\u00fe",
      "1, 2",
      "",
      "%0d%0aX: y",
      'for="_evil\\"";host=[',
      "$\u007bjndi:ldap://a}",
    ]),
  ]);

const oddOrigin = (random: Random): Fields => [
  [
    "Origin",
    random.pick([
      "null",
      "",
      "http://a, http://b",
      "https://evil.example",
      "file://",
      "\u00ff",
      "*",
      "http://[",
      "a".repeat(4_000),
    ]),
  ],
  ["Access-Control-Request-Method", random.pick(["PUT", "", "\u00ff", "TRACE", "a".repeat(500)])],
  [
    "Access-Control-Request-Headers",
    random.pick(["authorization", "__proto__", ",".repeat(2_000), "x-grpc-web,x-zitadel-orgid"]),
  ],
];
