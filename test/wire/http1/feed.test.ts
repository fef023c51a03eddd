import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createShares } from "../../../src/wire/bounds/shares.ts";
import { Feed } from "../../../src/wire/http1/feed.ts";
import { startEcho } from "../echo.ts";
import { openRaw, statuses, watch } from "../raw.ts";

/** A connection to Node's own server. The test says when there is room for requests, and time for chunks. */
function fed({
  client = "127.0.0.1",
  unfed = createShares(1_000_000, 1_000_000),
  /** Requests that there is room for. */
  room = Number.POSITIVE_INFINITY,
  /** Which request is the last one. */
  last = Number.POSITIVE_INFINITY,
  /** Slices of chunks that there is time for. */
  slices = Number.POSITIVE_INFINITY,
} = {}) {
  const raw = new Duplex({
    read() {},
    write: (_chunk, _, done) => done(),
    highWaterMark: 65_536,
  });
  const waiting = new Map<() => void, string>();
  const pieces: number[] = [];
  const requests: IncomingMessage[] = [];
  const state = { room, slices };
  const server = createServer((request) => {
    requests.push(request);
    if (request.url === "/destroy") raw.destroy();
    state.room -= 1;
    feed.began(request, state.room <= 0, requests.length >= last);
  });
  raw.pause();
  server.emit("connection", raw);
  const [parse] = raw.listeners("data") as [(piece: Buffer) => void];
  raw.off("data", parse).on("data", (piece: Buffer) => {
    pieces.push(piece.byteLength);
    parse.call(raw, piece);
  });
  raw.pause();
  const feed = new Feed(Object.assign(raw, { remoteAddress: client }) as unknown as Socket, {
    groupOf: (address) => address,
    unfed,
    inputTurns: {
      hasTime() {
        state.slices -= 1;
        return state.slices >= 0;
      },
      wait(whose, goOn) {
        waiting.set(goOn, whose);
        return () => void waiting.delete(goOn);
      },
    },
  });
  raw.resume();
  return {
    raw,
    requests,
    waiting: () => [...waiting.values()],
    /** There is room for so many requests more. */
    makeRoom(count: number): void {
      state.room = count;
      feed.goOn();
    },
    /** So many slices of chunks have time from now on. */
    makeTime(count: number): void {
      state.slices = count;
    },
    /** The same, and it is the turn of what waits. */
    give(count: number): void {
      state.slices = count;
      for (const goOn of [...waiting.keys()]) {
        waiting.delete(goOn);
        goOn();
      }
    },
    async send(bytes: string): Promise<void> {
      raw.push(bytes);
      await nextTurn();
    },
    /** The sizes of what Node's parser was given since the last look. */
    async pieces(): Promise<number[]> {
      await nextTurn();
      return pieces.splice(0);
    },
    urls: () => requests.map(({ url }) => url).join(" "),
    whole: () => requests.map(({ complete }) => complete),
  };
}

type Fed = ReturnType<typeof fed>;

/** A request whose head has 300 bytes. */
const get = (url: string) =>
  `GET ${url} HTTP/1.1\r\nHost: a\r\nX: `.padEnd(296, "x").concat("\r\n\r\n");
/** The head of one with a body. It has 300 bytes, too. */
const put = (framing: string) =>
  `PUT /put HTTP/1.1\r\nHost: a\r\n${framing}\r\nX: `.padEnd(296, "x").concat("\r\n\r\n");
const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${"\r\n".repeat(bytes / 2)}\r\n`;
const chunked = "Transfer-Encoding: chunked";

describe("Node's parser is given", () => {
  test("one head at a time", async () => {
    const { send, pieces, urls } = fed();
    await send(get("/a") + get("/b"));
    await send(get("/c"));
    expect([await pieces(), urls()]).toEqual([[300, 300, 300], "/a /b /c"]);
  });

  test("one head at a time behind blank lines", async () => {
    const { send, pieces, urls } = fed();
    await send(`\r\n\r\n${get("/a")}${get("/b")}`);
    expect([await pieces(), urls()]).toEqual([[4, 300, 300], "/a /b"]);
  });

  test.for([
    { later: 0, name: "nothing", before: "", want: [300, 1_000, 1_000, 300, 300] },
    { later: 1, name: "nothing", before: "", want: [299, 3, 998, 1_002, 298, 300] },
    { later: 2, name: "nothing", before: "", want: [298, 3, 999, 1_001, 299, 300] },
    { later: 3, name: "nothing", before: "", want: [297, 3, 1_000, 1_000, 300, 300] },
    {
      later: 1,
      name: "chunks",
      before: `${put(chunked)}0\r\n\r\n`,
      want: [300, 304, 3, 998, 1_002, 298, 300],
    },
  ])(
    "one head at a time behind a body that came with the last $later bytes of its head, behind $name",
    async ({ later, before, want }) => {
      const { send, pieces, urls } = fed();
      const sent = before + put("Content-Length: 2000");
      await send(sent.slice(0, sent.length - later));
      await send(`${sent.slice(sent.length - later)}${"x".repeat(1_000)}`);
      await send("x".repeat(1_000) + get("/a") + get("/b"));
      expect(await pieces()).toEqual(want);
      expect(urls()).toMatch(/^(\/put )+\/a \/b$/);
    },
  );

  test("a head that comes in parts as it comes", async () => {
    const { send, pieces, urls } = fed();
    const sent = get("/a") + get("/b") + get("/c");
    await send(sent.slice(0, 290));
    await send(sent.slice(290, 870));
    await send(sent.slice(870));
    expect([await pieces(), urls()]).toEqual([[290, 10, 300, 270, 30], "/a /b /c"]);
  });

  test("up to 256 bytes at once, whatever they hold", async () => {
    const { send, pieces, urls } = fed();
    const small = "GET / HTTP/1.1\r\nHost: a\r\nX: xxxx\r\n\r\n";
    expect(small).toHaveLength(36);
    await send(`${small.repeat(7)}GET `);
    expect(await pieces()).toEqual([256]);
    await send(`/b HTTP/1.1\r\nHost: ab\r\n\r\n${small.repeat(7)}GE`);
    expect([await pieces(), urls()]).toEqual([[25, 254], "/ / / / / / / /b / / / / / / /"]);
  });

  test("a body of a told length at once, even if it looks like heads", async () => {
    const { send, pieces, urls } = fed({ slices: 0 });
    const body = "\r\n\r\n".repeat(500);
    await send(put("Content-Length: 2000") + body.slice(1_200));
    await send(body.slice(0, 1_200) + get("/a") + get("/b"));
    expect([await pieces(), urls()]).toEqual([[300, 800, 1_200, 300, 300], "/put /a /b"]);
  });

  test("chunks in slices of 1 KiB while there is time, and the rest in turns of its client", async () => {
    const { raw, send, pieces, waiting, give, whole } = fed({ slices: 2 });
    await send(put(chunked) + chunk(5_000));
    expect(await pieces()).toEqual([300, 1_024, 1_024]);
    expect([waiting(), raw.isPaused()]).toEqual([["127.0.0.1"], true]);
    give(1);
    expect(await pieces()).toEqual([1_024]);
    expect([waiting(), raw.isPaused()]).toEqual([["127.0.0.1"], true]);
    give(2);
    expect(await pieces()).toEqual([1_024, 912]);
    expect([waiting(), raw.isPaused()]).toEqual([[], false]);
    await send(chunk(2));
    expect(waiting()).toEqual(["127.0.0.1"]);
    give(2);
    await send("0\r\n\r\n");
    expect([await pieces(), whole()]).toEqual([[7, 5], [true]]);
  });

  test("nothing of chunks that wait once the connection is closed", async () => {
    const { raw, send, waiting } = fed({ slices: 0 });
    await send(put(chunked) + chunk(5_000));
    expect(waiting()).toHaveLength(1);
    raw.destroy();
    await nextTurn();
    expect(waiting()).toEqual([]);
  });

  test("nothing more while there is no room for a request, and then all in order", async () => {
    const { raw, send, urls, makeRoom } = fed({ room: 2 });
    await send(get("/a") + get("/b") + get("/c") + get("/d"));
    expect([urls(), raw.isPaused()]).toEqual(["/a /b", true]);
    makeRoom(1);
    await nextTurn();
    expect([urls(), raw.isPaused()]).toEqual(["/a /b /c", true]);
    makeRoom(9);
    // It comes before what waits goes on.
    await send(get("/e"));
    expect([urls(), raw.isPaused()]).toEqual(["/a /b /c /d /e", false]);
    await send(get("/f"));
    expect(urls()).toBe("/a /b /c /d /e /f");
  });

  test("the body of the request that took the last room", async () => {
    const { send, whole, urls, makeRoom } = fed({ room: 1 });
    await send(put("Content-Length: 2000") + "x".repeat(1_000));
    await send("x".repeat(1_000) + get("/a"));
    expect([whole(), urls()]).toEqual([[true], "/put"]);
    makeRoom(2);
    await send("");
    expect(urls()).toBe("/put /a");
  });

  test("nothing behind the last request, which is dropped as it comes", async () => {
    const { raw, send, pieces, whole } = fed({ last: 2, unfed: createShares(0, 0) });
    await send(get("/a") + put("Content-Length: 2000") + "x".repeat(1_000));
    await send("x".repeat(1_000) + get("/b"));
    await send(get("/c"));
    expect(await pieces()).toEqual([300, 300, 1_000, 1_000]);
    expect([whole(), raw.isPaused(), raw.destroyed]).toEqual([[true, true], false, false]);
  });

  test.for([
    { name: "its turn", goOn: ({ give }: Fed) => give(200) },
    {
      name: "room for a request",
      goOn({ makeTime, makeRoom }: Fed) {
        makeTime(200);
        makeRoom(9);
      },
    },
  ])("nothing while Node waits for the body to be read, after $name", async ({ goOn }) => {
    const connection = fed({ slices: 0 });
    const { raw, send, pieces, requests, makeRoom, give, whole } = connection;
    await send(`${put(chunked)}${chunk(50_000)}${chunk(50_000)}0\r\n\r\n`);
    expect(await pieces()).toEqual([300]);
    goOn(connection);
    // Node holds 64 KiB of a body that nobody reads.
    expect(await pieces()).toHaveLength(65);
    give(200);
    makeRoom(9);
    expect([await pieces(), raw.isPaused()]).toEqual([[], true]);
    const [request] = requests as [IncomingMessage];
    request.resume();
    expect(await pieces()).toHaveLength(33);
    expect([whole(), raw.isPaused()]).toEqual([[true], false]);
  });

  test("nothing more once the connection is closed", async () => {
    const { send, urls } = fed();
    await send(get("/a") + get("/destroy") + get("/b"));
    expect(urls()).toBe("/a /destroy");
  });
});

describe("what is read and not fed", () => {
  const three = get("/a") + get("/b") + get("/c");

  test("has a bound for each client, which closes its latest connection", async () => {
    const unfed = createShares(10_000, 1_000);
    const connections = [fed({ room: 1, unfed }), fed({ room: 1, unfed })];
    for (const { send } of connections) await send(three);
    expect(connections.map(({ raw }) => raw.destroyed)).toEqual([false, true]);
  });

  test("makes room for others, if its client has most", async () => {
    const unfed = createShares(1_000, 1_000);
    const greedy = fed({ room: 1, unfed });
    await greedy.send(three);
    const other = fed({ room: 1, unfed, client: "127.0.0.2" });
    await other.send(three.slice(0, 800));
    expect([greedy.raw.destroyed, other.raw.destroyed]).toEqual([true, false]);
  });

  test.for([
    { name: "is fed", leave: ({ makeRoom }: Fed) => makeRoom(9), want: "/a /b /c" },
    { name: "is of a closed connection", leave: ({ raw }: Fed) => raw.destroy(), want: "/a" },
  ])("takes no room any more once it $name", async ({ leave, want }) => {
    const unfed = createShares(600, 600);
    for (let round = 0; round < 3; round += 1) {
      const connection = fed({ room: 1, unfed });
      await connection.send(three);
      expect(connection.raw.destroyed).toBe(false);
      leave(connection);
      await nextTurn();
      expect(connection.urls()).toBe(want);
    }
  });

  test("takes no room of others when its connection is closed meanwhile", async () => {
    const unfed = createShares(600, 600);
    const other = fed({ room: 1, unfed, client: "127.0.0.2" });
    await other.send(three);
    await fed({ unfed }).send(get("/destroy") + get("/a"));
    expect(other.raw.destroyed).toBe(false);
  });
});

const pages = new Map([
  ["/large", () => ({ status: 200, headers: {}, body: Buffer.alloc(4_000_000, "x") })],
  ["/page", () => ({ status: 200, headers: {}, body: Buffer.from("page") })],
]);
const bodyBytes = 65_536;
const getLarge = `GET /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
const getOther = `GET /other HTTP/1.1\r\nHost: a\r\nX-Pad: ${"a".repeat(300)}\r\n\r\n`;
const getPage = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

test("a client that reads nothing, and sends more with the last byte of a body, harms nobody", async () => {
  await using server = await startEcho({}, { pages });
  using connection = await openRaw(server.port);
  connection.pause();
  for (let round = 0; round < 8; round += 1) {
    connection.send(getLarge + "x".repeat(bodyBytes - 1));
    await sleep(100);
    connection.send(`x${getOther.repeat(4)}`);
    await sleep(100);
  }
  using polite = await openRaw(server.port);
  polite.send(getPage);
  expect(statuses(await polite.until(/page$/))).toEqual([200]);
});

test("a connection whose client reads late gets all answers in order", async () => {
  await using server = await startEcho({}, { pages });
  using connection = await openRaw(server.port);
  connection.pause();
  for (let round = 0; round < 2; round += 1) {
    connection.send(getLarge + "x".repeat(bodyBytes - 1));
    await sleep(100);
    connection.send(`x${getOther.repeat(4)}`);
    await sleep(100);
  }
  connection.send(getPage);
  connection.resume();
  const received = await connection.until(/\r\n\r\npage$/);
  const others = Array(4).fill(404);
  expect(statuses(received)).toEqual([200, ...others, 200, ...others, 200]);
});

test("a client that closes its half behind a chunked body has sent no bad request", async () => {
  await using server = await startEcho();
  const body = JSON.stringify({ text: "x".repeat(60_000) });
  const chunks = body.replaceAll(
    /.{1,1000}/g,
    (chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`,
  );
  const head = "PUT /api/v1/notes/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (let round = 0; round < 5; round += 1) {
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(`${head}${chunks}0\r\n\r\n`);
    const received = await watch(socket).closed();
    expect(statuses(received)).not.toContain(400);
  }
  expect(server.outcomes).toHaveLength(5);
});
