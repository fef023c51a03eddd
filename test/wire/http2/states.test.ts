import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  preface,
  reset,
  uint32,
  windowUpdate,
} from "../../faults/frames.ts";
import { describeFrame, openPeer, type Peer } from "./support/peer.ts";
import {
  begun,
  expectServed,
  getNote,
  greet,
  setting,
  startHeldEcho,
  whole,
  withField,
} from "./support/requests.ts";

// Long because of the table of states and frames.

const { data, headers, priority, settings, pushPromise, ping, goAway, continuation } = frameTypes;
const { ack, endHeaders, endStream, padded } = frameFlags;

let server: Awaited<ReturnType<typeof startHeldEcho>>;
beforeAll(async () => {
  server = await startHeldEcho();
});
afterAll(() => {
  server.release();
  return server[Symbol.asyncDispose]();
});

const malformed = withField("connection", "close");
const slow = withField(":path", "/api/v1/notes/slow");
const unknownPath = withField(":path", "/unknown", withField(":method", "POST"));

const isEnd = ({ flags }: { flags: number }) => (flags & endStream) !== 0;

/** How a stream gets into each state (RFC 9113, section 5.1), and its id. */
const states = {
  idle: { id: 5, reach: async () => {} },
  "of the server": { id: 6, reach: async () => {} },
  open: { id: 5, reach: async (peer: Peer) => peer.send(begun(5)) },
  "half-closed (local)": {
    id: 5,
    async reach(peer: Peer) {
      peer.send(begun(5, unknownPath));
      await peer.until((each) => each.streamId === 5 && isEnd(each));
    },
  },
  "half-closed (remote)": { id: 5, reach: async (peer: Peer) => peer.send(whole(5, slow)) },
  answered: {
    id: 5,
    async reach(peer: Peer) {
      peer.send(whole(5));
      await peer.until((each) => each.streamId === 5 && isEnd(each));
    },
  },
  "reset by the client": {
    id: 5,
    reach: async (peer: Peer) => peer.send(begun(5), reset(5)),
  },
  "reset by the server": {
    id: 5,
    async reach(peer: Peer) {
      peer.send(begun(5, malformed));
      await peer.until((each) => each.type === frameTypes.reset);
    },
  },
  "of the server, below the last": {
    id: 4,
    async reach(peer: Peer) {
      peer.send(whole(5));
      await peer.until((each) => each.streamId === 5 && isEnd(each));
    },
  },
  skipped: {
    id: 3,
    async reach(peer: Peer) {
      peer.send(whole(5));
      await peer.until((each) => each.streamId === 5 && isEnd(each));
    },
  },
} as const;
type State = keyof typeof states;

/**
 * What a frame leads to. A number is the code of RST_STREAM, and the connection goes on; with "!" it is that of
 * GOAWAY, and the connection ends. "-" is neither.
 */
type Outcome = "-" | "1" | "3" | "1!" | "5!" | "6!" | "9!";

const [none, everywhere] = [
  "- - - - - - - - - -",
  (code: string) => Array(10).fill(code).join(" "),
];

/** The frames, and their outcomes in the order of `states`. */
const rows: Readonly<Record<string, readonly [(id: number) => Buffer, string]>> = {
  DATA: [(id) => frame(data, 0, id, Buffer.alloc(5)), "1! 1! - - 5! 5! 5! - 1! 5!"],
  "DATA with END_STREAM": [
    (id) => frame(data, endStream, id, Buffer.from("{}")),
    "1! 1! - - 5! 5! 5! - 1! 5!",
  ],
  "DATA with more padding than payload": [
    (id) => frame(data, padded, id, Buffer.of(5, 0, 0, 0, 0)),
    everywhere("1!"),
  ],
  "HEADERS of a request": [(id) => whole(id), "- 1! 1 1 5! 5! 5! - 1! 5!"],
  "HEADERS of trailers": [(id) => whole(id, [["x", "y"]]), "1 1! - - 5! 5! 5! - 1! 5!"],
  "HEADERS without END_STREAM": [(id) => begun(id, [["x", "y"]]), "1 1! 1 1 5! 5! 5! - 1! 5!"],
  "HEADERS that are no HPACK": [
    (id) => frame(headers, endHeaders | endStream, id, Buffer.of(0x80)),
    everywhere("9!"),
  ],
  "HEADERS that depend on themselves": [
    (id) =>
      frame(headers, 0x25, id, Buffer.concat([uint32(id), Buffer.of(0), headerBlock(getNote)])),
    everywhere("1!"),
  ],
  PRIORITY: [(id) => frame(priority, 0, id, Buffer.of(0, 0, 0, 1, 9)), none],
  "PRIORITY of 4 bytes": [(id) => frame(priority, 0, id, Buffer.alloc(4)), everywhere("6!")],
  "PRIORITY that depends on itself": [
    (id) => frame(priority, 0, id, Buffer.concat([uint32(id), Buffer.of(9)])),
    everywhere("1!"),
  ],
  RST_STREAM: [(id) => reset(id), "1! 1! - - - - - - 1! -"],
  "RST_STREAM of 3 bytes": [
    (id) => frame(frameTypes.reset, 0, id, Buffer.alloc(3)),
    everywhere("6!"),
  ],
  SETTINGS: [(id) => frame(settings, 0, id), everywhere("1!")],
  PUSH_PROMISE: [
    (id) => frame(pushPromise, endHeaders, id, Buffer.concat([uint32(2), headerBlock(getNote)])),
    everywhere("1!"),
  ],
  PING: [(id) => frame(ping, 0, id, Buffer.alloc(8)), everywhere("1!")],
  GOAWAY: [(id) => frame(goAway, 0, id, Buffer.alloc(8)), everywhere("1!")],
  WINDOW_UPDATE: [(id) => windowUpdate(id, 1), "1! 1! - - - - - - 1! -"],
  "WINDOW_UPDATE of 0": [(id) => windowUpdate(id, 0), "1! 1! 1! 1! 1! - - - 1! -"],
  "WINDOW_UPDATE beyond the largest window": [
    (id) => windowUpdate(id, 0x7fffffff),
    "1! 1! 3 3 3 - - - 1! -",
  ],
  "WINDOW_UPDATE of 3 bytes": [(id) => frame(8, 0, id, Buffer.alloc(3)), everywhere("6!")],
  CONTINUATION: [
    (id) => frame(continuation, endHeaders, id, headerBlock([["x", "y"]])),
    everywhere("1!"),
  ],
  "a frame of unknown type": [(id) => frame(0x2a, 0xff, id, Buffer.alloc(3)), none],
  "PRIORITY_UPDATE (RFC 9218)": [(id) => frame(0x10, 0, id, Buffer.alloc(4)), none],
};

const cells = Object.entries(rows).flatMap(([name, [make, outcomes]]) =>
  Object.keys(states).map((state, column) => ({
    name,
    state: state as State,
    make,
    outcome: outcomes.split(" ")[column] as Outcome,
  })),
);

/** The frames of one outcome, in the form of `Outcome`. */
function outcomeOf(peer: Peer, before: number, id: number): string {
  const seen = peer.frames.slice(before);
  const fatal = seen.find(({ type }) => type === goAway);
  if (fatal !== undefined) return `${fatal.payload.readUInt32BE(4)}!`;
  const broken = seen.find(({ type, streamId }) => type === frameTypes.reset && streamId === id);
  return broken === undefined ? "-" : String(broken.payload.readUInt32BE(0));
}

const patienceMs = 60_000;

/** Send bytes, and see what they lead to, and whether the connection works afterwards as it should. */
async function judge(peer: Peer, id: number, bytes: Buffer, outcome: string): Promise<void> {
  const before = peer.frames.length;
  peer.send(bytes);
  // The time is only for a server that goes on although it must not.
  if (outcome.endsWith("!"))
    await Promise.race([peer.closed(), sleep(patienceMs, 0, { ref: false })]);
  else await expectServed(peer, 101);
  expect({
    outcome: outcomeOf(peer, before, id),
    violations: peer.violations,
    after: peer.frames.slice(before).map(describeFrame).join(" "),
  }).toEqual({ outcome, violations: [], after: expect.any(String) });
}

describe("a frame on a stream in a state (RFC 9113, section 5.1)", () => {
  test.for(cells)("$name, $state: $outcome", async ({ state, make, outcome }) => {
    const { id, reach } = states[state];
    using peer = await greet(server);
    await reach(peer);
    await peer.settled();
    await judge(peer, id, make(id), outcome);
  });
});

/** Rows for titles, in which bytes cannot be shown. */
const named = (table: readonly (readonly [name: string, bytes: Buffer, outcome: string])[]) =>
  table.map(([name, bytes, outcome]) => ({ name, bytes, outcome }));

describe("a frame on the connection (RFC 9113, section 6)", () => {
  test.for(
    named([
      ["DATA", frame(data, 0, 0, Buffer.alloc(5)), "1!"],
      ["HEADERS", whole(0), "1!"],
      ["PRIORITY", frame(priority, 0, 0, Buffer.alloc(5)), "1!"],
      ["RST_STREAM", reset(0), "1!"],
      ["PUSH_PROMISE", frame(pushPromise, endHeaders, 0, Buffer.alloc(9)), "1!"],
      ["CONTINUATION", frame(continuation, endHeaders, 0, headerBlock(getNote)), "1!"],
      ["a frame of unknown type", frame(0xfa, 0, 0, Buffer.alloc(9)), "-"],
      ["a reserved bit", frame(ping, 0, 0x80000000, Buffer.alloc(8)), "-"],
      ["unknown flags", frame(ping, 0xfe, 0, Buffer.alloc(8)), "-"],
      ["SETTINGS", frame(settings, 0, 0), "-"],
      ["SETTINGS of unknown ids", frame(settings, 0, 0, setting(0xfe03, 1)), "-"],
      [
        "SETTINGS twice in one frame",
        frame(settings, 0, 0, Buffer.concat([setting(4, 1), setting(4, 9)])),
        "-",
      ],
      ["SETTINGS of 5 bytes", frame(settings, 0, 0, Buffer.alloc(5)), "6!"],
      ["SETTINGS ACK with a payload", frame(settings, ack, 0, setting(1, 1)), "6!"],
      ["SETTINGS ACK that nobody waits for", frame(settings, ack, 0), "1!"],
      [
        "SETTINGS with the largest and the smallest values",
        frame(
          settings,
          0,
          0,
          Buffer.concat([setting(2, 1), setting(5, 16_384), setting(5, 0xffffff), setting(9, 1)]),
        ),
        "-",
      ],
      ["ENABLE_PUSH of 2", frame(settings, 0, 0, setting(2, 2)), "1!"],
      ["INITIAL_WINDOW_SIZE of 2^31", frame(settings, 0, 0, setting(4, 0x80000000)), "3!"],
      ["MAX_FRAME_SIZE of 16383", frame(settings, 0, 0, setting(5, 16_383)), "1!"],
      ["MAX_FRAME_SIZE of 2^24", frame(settings, 0, 0, setting(5, 0x1000000)), "1!"],
      ["NO_RFC7540_PRIORITIES of 2", frame(settings, 0, 0, setting(9, 2)), "1!"],
      ["PING of 7 bytes", frame(ping, 0, 0, Buffer.alloc(7)), "6!"],
      ["PING ACK that nobody waits for", frame(ping, ack, 0, Buffer.alloc(8)), "-"],
      ["GOAWAY of 7 bytes", frame(goAway, 0, 0, Buffer.alloc(7)), "6!"],
      ["WINDOW_UPDATE", windowUpdate(0, 1), "-"],
      ["WINDOW_UPDATE of 0", windowUpdate(0, 0), "1!"],
      ["WINDOW_UPDATE beyond the largest window", windowUpdate(0, 0x7fffffff), "3!"],
      ["WINDOW_UPDATE of 5 bytes", frame(8, 0, 0, Buffer.alloc(5)), "6!"],
      ["a head of more than 16384 bytes", frame(data, 0, 1, Buffer.alloc(0), 16_385), "6!"],
      ["a head of 16 MB, of unknown type", frame(0xfa, 0, 0, Buffer.alloc(0), 0xffffff), "6!"],
      ["HEADERS too short for their padding", frame(headers, endHeaders | padded, 1), "6!"],
      ["HEADERS too short for their priority", frame(headers, 0x24, 1, Buffer.alloc(4)), "6!"],
      ["DATA too short for its padding", frame(data, padded, 1), "6!"],
      ["HEADERS with more padding than payload", frame(headers, 0x0d, 1, Buffer.of(9, 0x82)), "1!"],
      [
        "an INITIAL_WINDOW_SIZE that takes a stream's window too far",
        Buffer.concat([
          begun(1),
          windowUpdate(1, 0x7fffffff - 65_535),
          frame(settings, 0, 0, setting(4, 65_536)),
        ]),
        "3!",
      ],
    ]),
  )("$name: $outcome", async ({ bytes, outcome }) => {
    using peer = await greet(server);
    await judge(peer, 0, bytes, outcome);
  });
});

describe("within a field block nothing but its CONTINUATION may come (RFC 9113, section 4.3)", () => {
  const begin = frame(headers, endStream, 5, headerBlock(getNote));
  const rest = headerBlock([["x", "y"]]);
  test.for(
    named([
      ["its CONTINUATION", frame(continuation, endHeaders, 5, rest), "-"],
      ["an empty CONTINUATION that ends it", frame(continuation, endHeaders, 5), "-"],
      ["CONTINUATION of another stream", frame(continuation, endHeaders, 3, rest), "1!"],
      ["DATA", frame(data, 0, 5, Buffer.alloc(1)), "1!"],
      ["HEADERS", whole(5), "1!"],
      ["HEADERS of another stream", whole(7), "1!"],
      ["PRIORITY", frame(priority, 0, 5, Buffer.alloc(5)), "1!"],
      ["RST_STREAM", reset(5), "1!"],
      ["SETTINGS", frame(settings, 0, 0), "1!"],
      ["PING", frame(ping, 0, 0, Buffer.alloc(8)), "1!"],
      ["GOAWAY", frame(goAway, 0, 0, Buffer.alloc(8)), "1!"],
      ["WINDOW_UPDATE", windowUpdate(0, 1), "1!"],
      ["a frame of unknown type", frame(0xfa, 0, 5), "1!"],
    ]),
  )("$name: $outcome", async ({ bytes, outcome }) => {
    using peer = await greet(server);
    await judge(peer, 5, Buffer.concat([begin, bytes]), outcome);
  });
});

describe("before the client's first SETTINGS nothing else may come (RFC 9113, section 3.4)", () => {
  const first = {
    HEADERS: whole(1),
    PING: frame(ping, 0, 0, Buffer.alloc(8)),
    "SETTINGS ACK": frame(settings, ack, 0),
    WINDOW_UPDATE: windowUpdate(0, 1),
    "a frame of unknown type": frame(0xfa, 0, 0),
  };
  test.for(named(Object.entries(first).map(([name, bytes]) => [name, bytes, "1!"])))(
    "$name",
    async ({ bytes }) => {
      using peer = await openPeer(server.port);
      peer.send(preface, bytes);
      await peer.closed();
      expect(outcomeOf(peer, 0, 1)).toBe("1!");
      expect(peer.violations).toEqual([]);
    },
  );
});
