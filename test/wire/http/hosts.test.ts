import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
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
  requestHttp2,
  statuses,
} from "../raw.ts";

// Long because of its lists of hosts that are accepted and refused.

const good = [
  "localhost",
  "localhost:8080",
  "127.0.0.1",
  "[::1]",
  "[::1]:80",
  "[::ffff:127.0.0.1]:65535",
  "EXAMPLE.com.",
  "a-b.c_d.example",
  "xn--bcher-kva.example:0",
];

const bad = [
  "",
  " ",
  "[",
  "]",
  "[]",
  "[]:80",
  "[::1",
  "::1",
  "[::1]x",
  "[::1]:",
  "[::1]:x",
  "[:::::]",
  "[1.2.3.4]",
  "[g::1]",
  "[::1%25eth0]",
  "a b",
  "a\tb",
  "a,b",
  "a, b",
  "a/b",
  "/",
  "//",
  "a?b",
  "a#b",
  "a\\b",
  "a@b",
  "user:password@a",
  "http://a",
  "a:",
  "a:b",
  "a:-1",
  "a:+1",
  "a: 1",
  "a:1:2",
  "a:65536",
  "a:99999",
  "a:123456",
  ":80",
  ":",
  "a%",
  "a%2",
  "a%zz",
  "%00",
  "%2f",
  "a%20b",
  "1.2.3.4.5",
  "256.256.256.256",
  "a<b>",
  'a"b"',
  "a|b",
  "a^b",
  "a`b",
  "{a}",
  "\u00e4",
  "\u00ff\u00fe",
  "x".repeat(256),
  "a\u007f",
];

const path = "/api/v1/notes/7";
const reset: number[] = [frameTypes.reset, frameTypes.goAway];

/** As HPACK's static table numbers them. */
const indexOfStatus = { "200": 0x88, "400": 0x8c };

/** The first frame that answers the request. Of a header list, the first byte, which stands for the status. */
async function firstAnswer(port: number, authority: string) {
  using connection = await openRaw(port);
  const block = headerBlock([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", path],
    [":authority", authority],
  ]);
  const flags = frameFlags.endHeaders | frameFlags.endStream;
  connection.send(Buffer.concat([http2Opening, http2Frame(frameTypes.headers, flags, 1, block)]));
  const answers = () =>
    framesOf(connection.received).filter(
      ({ type, streamId }) => streamId === 1 || type === frameTypes.goAway,
    );
  await expect.poll(() => answers().length).toBeGreaterThan(0);
  const [first] = answers();
  return reset.includes(first?.type ?? 0) ? "reset" : first?.payload[0];
}

describe("W21: a good host is accepted", () => {
  test.for(good)("%j", async (host) => {
    await using server = await startEcho();
    const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    expect(statuses(await exchangeRaw(server.port, request))).toEqual([200]);
    const older = `GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`;
    expect(statuses(await exchangeRaw(server.port, older))).toEqual([200]);
    expect(await firstAnswer(server.port, host)).toBe(indexOfStatus["200"]);
  });
});

test.for(["1.1", "1.0"])("a bad host is refused over HTTP/%s", async (version) => {
  let calls = 0;
  await using server = await startEcho({
    look(note) {
      calls += 1;
      return note;
    },
  });
  for (const host of bad) {
    const request = `GET ${path} HTTP/${version}\r\nHost: ${host}\r\n\r\n`;
    const canary = `GET /page HTTP/1.1\r\nHost: a\r\n\r\n`;
    const received = await exchangeRaw(server.port, request + canary);
    expect({ host, statuses: statuses(received) }).toEqual({ host, statuses: [400] });
  }
  expect(calls).toBe(0);
});

test("W21: a bad authority is refused over HTTP/2", async () => {
  let calls = 0;
  await using server = await startEcho({
    look(note) {
      calls += 1;
      return note;
    },
  });
  const authorities = bad.filter((authority) => authority !== "");
  const answers = await Promise.all(
    authorities.map(async (authority) => [authority, await firstAnswer(server.port, authority)]),
  );
  const isRefused = ([, answer]: unknown[]) =>
    answer === "reset" || answer === indexOfStatus["400"];
  expect(answers.filter((each) => !isRefused(each))).toEqual([]);
  expect(calls).toBe(0);
});

test.for([
  "HTTP/1.1\r\n",
  "HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
  "HTTP/1.1\r\nHost: a\r\nhost: b\r\n",
  "HTTP/1.1\r\nHost: a\r\nHost:\r\n",
  "HTTP/1.0\r\nHost: a\r\nHost: b\r\n",
])("a host is named exactly once: %j", async (head) => {
  await using server = await startEcho();
  const canary = `GET /page HTTP/1.1\r\nHost: a\r\n\r\n`;
  const received = await exchangeRaw(server.port, `GET ${path} ${head}\r\n${canary}`);
  expect(statuses(received)).toEqual([400]);
});

describe("D2: HTTP/1.0 without a host is answered", () => {
  test.for([
    { verb: "GET", target: "/page", status: 200 },
    { verb: "GET", target: path, status: 200 },
    { verb: "OPTIONS", target: "/", status: 404 },
    { verb: "OPTIONS", target: "*", status: 204 },
  ])("D2: $verb $target", async ({ verb, target, status }) => {
    await using server = await startEcho();
    const received = await exchangeRaw(server.port, `${verb} ${target} HTTP/1.0\r\n\r\n`);
    expect(statuses(received)).toEqual([status]);
  });
});

describe("D1: a target in absolute form", () => {
  const send = async (requestLine: string, host = "Host: a\r\n") => {
    await using server = await startEcho();
    const request = `${requestLine}\r\n${host}Connection: close\r\n\r\n`;
    const received = await exchangeRaw(server.port, request);
    return { received, outcomes: server.outcomes };
  };

  test.for([
    "http://other.example/page",
    "http://other.example:8080/page",
    "https://[2001:db8::1]/page",
    "HTTP://a/page",
    "ws://a/page",
    "http://a/page?x=http://b/",
  ])("D1: scheme and authority select nothing: %s", async (target) => {
    const { received } = await send(`GET ${target} HTTP/1.1`);
    expect(statuses(received)).toEqual([200]);
    expect(received).toMatch(/page$/);
    const older = await send(`GET ${target} HTTP/1.0`, "");
    expect(statuses(older.received)).toEqual([200]);
  });

  test("D1: its path is matched as sent, its query read", async () => {
    const { received } = await send("GET http://b/api/v1/notes/a%26b?text=c HTTP/1.1");
    expect(received).toContain('{"id":"a&b","text":"c"}');
    const tricky = await send("GET http://b/api/v1/notes/a%2Fb HTTP/1.1");
    expect(statuses(tricky.received)).toEqual([404]);
  });

  test("D1: without a path it is the root", async () => {
    for (const target of ["http://b", "http://b?x=/page"]) {
      expect(statuses((await send(`GET ${target} HTTP/1.1`)).received)).toEqual([404]);
    }
  });

  test.for([
    "http:///page",
    "http://u@b/page",
    "http://b:x/page",
    "http://[/page",
    "http://a b/page",
  ])("D1: a malformed authority is refused: %s", async (target) => {
    const { received } = await send(`GET ${target} HTTP/1.1`);
    expect(statuses(received)).toEqual([400]);
  });

  test("D1: a host is needed all the same, and a good one", async () => {
    const target = "GET http://b/page HTTP/1.1";
    expect(statuses((await send(target, "")).received)).toEqual([400]);
    expect(statuses((await send(target, "Host: [\r\n")).received)).toEqual([400]);
  });
});

describe("D1: OPTIONS of everything", () => {
  const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

  test.for(["*", "http://b"])("D1: OPTIONS %s over HTTP/1.1", async (target) => {
    await using server = await startEcho();
    const request = `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const received = await exchangeRaw(server.port, request);
    expect(statuses(received)).toEqual([204]);
    expect(received).toContain(`allow: ${allow}\r\n`);
  });

  test("D1: OPTIONS * over HTTP/2", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const answer = await requestHttp2(session, { ":method": "OPTIONS", ":path": "*" });
    expect(answer).toMatchObject({ status: 204, headers: { allow } });
  });

  test("D1: no other verb has such a target", async () => {
    await using server = await startEcho();
    const request = "GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(statuses(await exchangeRaw(server.port, request))).not.toContain(200);
  });
});
