import { describe, expect, test } from "vitest";
import {
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  preface,
  reset,
  windowUpdate,
} from "../../faults/frames.ts";
import { type Memory, openMemory } from "./support/memory.ts";
import { describeFrame } from "./support/peer.ts";
import { begun, getNote, greeting, setting, whole, withField } from "./support/requests.ts";

// What a connection leads to when time goes by. The clock is the test's.

const { data, headers, settings, ping, goAway } = frameTypes;
const { ack, endStream } = frameFlags;

const path = (name: string) => withField(":path", name);
const never = path("/never");
const large = path("/large");
const wordsOf = (memory: Memory, from = 0) => memory.reader.frames.slice(from).map(describeFrame);
const lastIds = (memory: Memory) =>
  memory.reader.frames
    .filter(({ type }) => type === goAway)
    .map(({ payload }) => payload.readUInt32BE(0));

describe("a client that keeps a connection for nothing loses it", () => {
  test.for<{ name: string; bytes: Buffer; ms: number; want: RegExp }>([
    { name: "nothing at all", bytes: Buffer.alloc(0), ms: 5_000, want: /^$/ },
    { name: "half of the preface", bytes: preface.subarray(0, 10), ms: 5_000, want: /^$/ },
    { name: "no SETTINGS", bytes: preface, ms: 5_000, want: /^$/ },
    {
      name: "a field block without end",
      bytes: Buffer.concat([greeting, frame(headers, 0, 1, headerBlock(getNote))]),
      ms: 5_000,
      want: /goAway\(11\)$/,
    },
    { name: "no request", bytes: greeting, ms: 120_000, want: /goAway\(0\)$/ },
    {
      name: "no further request",
      bytes: Buffer.concat([greeting, whole(1)]),
      ms: 120_000,
      want: /goAway\(0\)$/,
    },
    {
      name: "pings alone",
      bytes: Buffer.concat([greeting, frame(ping, 0, 0, Buffer.alloc(8))]),
      ms: 120_000,
      want: /goAway\(0\)$/,
    },
  ])("$name", ({ bytes, ms, want }) => {
    using memory = openMemory();
    memory.send(bytes);
    memory.pass(ms - 1_000);
    memory.pass(2_000);
    memory.pass(1_000);
    expect(memory.isClosed).toBe(true);
    expect(wordsOf(memory, 2).join(" ")).toMatch(want);
    expect(memory.reader.violations).toEqual([]);
  });

  test("an answer that is taken byte by byte", () => {
    using memory = openMemory();
    memory.send(greeting, frame(settings, 0, 0, setting(4, 1)), whole(1, large));
    let taken = 0;
    for (; taken < 5_000 && !memory.isClosed; taken++) memory.send(windowUpdate(1, 1));
    expect(wordsOf(memory).at(-1)).toBe("goAway(11)");
    expect(taken).toBeLessThan(1_500);
    expect(memory.reader.violations).toEqual([]);
  });
});

describe("a connection that is too old", () => {
  const old = 700_000;

  test("is closed when it has no stream", () => {
    using memory = openMemory();
    memory.send(greeting, whole(1));
    memory.pass(80_000);
    memory.send(whole(3));
    memory.pass(old);
    memory.pass(1_000);
    expect(lastIds(memory)).toEqual([2 ** 31 - 1, 3]);
    expect(memory.isClosed).toBe(true);
    expect(memory.reader.violations).toEqual([]);
  });

  /** A connection on which one stream is open, and that has said that it will close. */
  function announced(): Memory {
    const memory = openMemory();
    memory.send(greeting, begun(1));
    memory.pass(old);
    expect(wordsOf(memory).slice(-2)).toEqual(["goAway(0)", "ping"]);
    return memory;
  }
  const acknowledge = (memory: Memory) => {
    const { payload } = memory.reader.frames.findLast(
      ({ type, flags }) => type === ping && flags === 0,
    ) as {
      payload: Buffer;
    };
    memory.send(frame(ping, ack, 0, payload));
  };

  test("serves what was sent before the client knew, and refuses what comes later", () => {
    using memory = announced();
    memory.send(whole(3));
    acknowledge(memory);
    expect(lastIds(memory)).toEqual([0x7fffffff, 3]);
    const before = memory.reader.frames.length;
    memory.send(
      whole(5),
      begun(7),
      frame(data, 0, 7, Buffer.alloc(9)),
      windowUpdate(7, 9),
      reset(7),
    );
    expect(wordsOf(memory, before)).toEqual([]);
    expect(memory.isClosed).toBe(false);
    memory.send(frame(data, endStream, 1, Buffer.from("{}")));
    expect(wordsOf(memory, before)).toEqual(["headers:1", "data:1"]);
    expect(memory.isClosed).toBe(true);
    expect(memory.reader.violations).toEqual([]);
  });

  test("does not wait for a client that answers no PING", () => {
    using memory = announced();
    memory.pass(2_000);
    expect(lastIds(memory)).toEqual([0x7fffffff, 1]);
    expect(memory.isClosed).toBe(false);
  });

  test("keeps the header table of streams that it refuses", () => {
    using memory = announced();
    acknowledge(memory);
    const literal = Buffer.concat([Buffer.of(0x40, 1, 120, 1, 121)]);
    memory.send(frame(headers, 5, 3, Buffer.concat([headerBlock(getNote), literal])));
    memory.send(frame(headers, 5, 1, Buffer.of(0xbe)));
    expect(wordsOf(memory).slice(-2)).toEqual(["headers:1", "data:1"]);
    expect(memory.reader.violations).toEqual([]);
  });

  test("says which error ends it", () => {
    using memory = announced();
    memory.send(frame(data, 0, 0, Buffer.alloc(1)));
    expect(wordsOf(memory).at(-1)).toBe("goAway(1)");
    expect(memory.isClosed).toBe(true);
    expect(memory.reader.violations).toEqual([]);
  });
});

describe("an early answer", () => {
  const early = path("/early");

  test("lets a small body come, and then resets the stream without an error", () => {
    using memory = openMemory();
    memory.send(greeting, begun(1, early), frame(data, 0, 1, Buffer.alloc(100)));
    const before = memory.reader.frames.length;
    memory.pass(1_500);
    expect(wordsOf(memory, before)).toEqual(["reset:1(0)"]);
    memory.send(frame(data, endStream, 1, Buffer.alloc(100)), whole(3));
    expect(wordsOf(memory, before)).toEqual(["reset:1(0)", "headers:3", "data:3"]);
    expect(memory.reader.violations).toEqual([]);
  });

  test("is not followed by a reset when the body ends in time", () => {
    using memory = openMemory();
    memory.send(greeting, begun(1, early), frame(data, endStream, 1, Buffer.alloc(100)));
    memory.pass(5_000);
    expect(wordsOf(memory).slice(-2)).toEqual(["headers:1", "data:1"]);
  });

  test("stops a body that goes on", () => {
    using memory = openMemory();
    memory.send(greeting, begun(1, early));
    for (let index = 0; index < 65; index++) memory.send(frame(data, 0, 1, Buffer.alloc(1_000)));
    expect(wordsOf(memory).at(-1)).toBe("reset:1(0)");
    expect(memory.isClosed).toBe(false);
    expect(memory.reader.violations).toEqual([]);
  });
});

test("a request that nobody answers any more counts until its handler has returned", () => {
  const releases: (() => void)[] = [];
  using memory = openMemory((exchange) => {
    releases.push(() => exchange.release());
  });
  memory.send(greeting);
  for (let id = 1; id < 200; id += 2) memory.send(whole(id, never), reset(id));
  expect(memory.calls).toBe(100);
  memory.send(whole(201));
  expect(wordsOf(memory).at(-1)).toBe("reset:201(7)");
  releases[0]?.();
  memory.send(whole(203));
  expect(memory.calls).toBe(101);
});

test("bytes on streams that are gone are given back to the connection", () => {
  using memory = openMemory();
  memory.send(greeting);
  const window =
    65_535 +
    memory.reader.frames
      .filter(({ type }) => type === 8)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  const credit = () =>
    memory.reader.frames
      .filter(({ type, streamId }) => type === 8 && streamId === 0)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535);
  let sent = 0;
  for (let id = 1; id < 600 && !memory.isClosed; id += 2) {
    // Reset by the server in one half of the cases, answered early in the other.
    memory.send(begun(id, id % 4 === 1 ? withField("connection", "close") : path("/early")));
    for (let index = 0; index < 2; index++) {
      memory.send(frame(data, 8, id, Buffer.concat([Buffer.of(200), Buffer.alloc(16_000)])));
      sent += 16_001;
    }
    memory.pass(100);
    expect(credit() - sent).toBeGreaterThan(window / 2 - 16_384);
  }
  expect(memory.isClosed).toBe(false);
  expect(memory.reader.violations).toEqual([]);
});
