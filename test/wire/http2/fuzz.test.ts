import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { frame, frameFlags, frameTypes, reset, windowUpdate } from "../../faults/frames.ts";
import { corpus } from "./support/corpus.ts";
import { anyInput, goodStream } from "./support/inputs.ts";
import { type Memory, openMemory } from "./support/memory.ts";
import { begun, greeting, setting, whole, withField } from "./support/requests.ts";
import type { SeenFrame } from "./support/strict-reader.ts";

// Long because of the properties: each is one test, and they share how inputs are run and compared.

const { data, headers, settings, goAway } = frameTypes;
const { endStream } = frameFlags;

/** What was answered on each stream, and on the connection, however the frames of different streams are mixed. */
function answersOf({ reader }: Memory): Record<number, string[]> {
  const answers: Record<number, string[]> = {};
  for (const each of reader.frames) {
    const list = answers[each.streamId] ?? [];
    answers[each.streamId] = list;
    const before = list.at(-1);
    // The end of a packet may cut a body into more frames.
    if (each.type === data && before?.startsWith("DATA") === true) list.pop();
    const text =
      each.type === data
        ? `${before?.startsWith("DATA") === true ? before : "DATA "}${each.payload.toString("latin1")}`
        : describeWhole(each);
    list.push(text);
  }
  return answers;
}

const describeWhole = ({ type, flags, payload, fields }: SeenFrame) =>
  `${type} ${flags} ${fields?.join(" ") ?? payload.toString("hex")}`;

function run(pieces: readonly Uint8Array[], isOneTurn = false): Memory {
  const memory = openMemory();
  memory.send(greeting);
  if (isOneTurn) memory.sendAtOnce(...pieces);
  else for (const piece of pieces) memory.send(piece);
  return memory;
}

describe("any input", () => {
  test("breaks no rule of what a server may send, and leaves nothing behind", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        using memory = run([input]);
        expect(memory.reader.violations).toEqual([]);
        // The input ends with the connection, or the connection lives on.
        expect(memory.isClosed).toBe(memory.reader.frames.some(({ type }) => type === goAway));
        memory.pass(700_000);
        memory.hangUp();
        expect(memory.running).toBe(0);
        expect(memory.reader.violations).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });

  test("gives the same output when it is cut at every byte", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const small = input.subarray(0, 4_000);
        using one = run([small]);
        using cut = run(
          [...small].map((byte) => Buffer.of(byte)),
          true,
        );
        expect(cut.output.equals(one.output)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same output when it is cut in three places", () => {
    fc.assert(
      fc.property(anyInput, fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), (input, places) => {
        const cuts = places.map((place) => place % (input.byteLength + 1)).sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((from, index) =>
          input.subarray(from, cuts[index] ?? input.byteLength),
        );
        using one = run([input]);
        using cut = run(pieces, true);
        expect(cut.output.equals(one.output)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("of random bytes leaves nothing behind", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 30, maxLength: 300 }),
        fc.boolean(),
        (bytes, isGreeted) => {
          using memory = openMemory();
          if (isGreeted) memory.send(greeting);
          memory.send(bytes);
          memory.hangUp();
          expect(memory.running).toBe(0);
          expect(memory.reader.violations).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("what is kept", () => {
  const entries = Object.entries(corpus).map(([name, input]) => ({ name, input }));

  test.for(entries)("gives the same output wherever it is cut: $name", ({ input }) => {
    using one = run([input]);
    expect(one.reader.violations).toEqual([]);
    using bytewise = run(
      [...input].map((byte) => Buffer.of(byte)),
      true,
    );
    expect(bytewise.output.equals(one.output)).toBe(true);
    const step = Math.ceil(input.byteLength / 250);
    for (let at = 1; at < input.byteLength; at += step) {
      using cut = run([input.subarray(0, at), input.subarray(at)], true);
      expect(cut.output.equals(one.output)).toBe(true);
    }
  });

  test.for(entries)("leaves nothing behind wherever the client goes away: $name", ({ input }) => {
    const step = Math.ceil(input.byteLength / 250);
    for (let at = 0; at <= input.byteLength; at += step) {
      using memory = run([input.subarray(0, at)]);
      memory.hangUp();
      const { byteLength } = memory.output;
      memory.pass(60_000);
      expect(memory.running).toBe(0);
      expect(memory.output.byteLength).toBe(byteLength);
    }
  });

  const inputs = Object.values(corpus).filter(({ byteLength }) => byteLength < 2_000);
  /** A byte that becomes another, a part that comes twice or not at all, or the rest of another input. */
  const change = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(3));
  const changed = fc
    .tuple(
      fc.constantFrom(...inputs),
      fc.constantFrom(...inputs),
      fc.array(change, { minLength: 1, maxLength: 4 }),
    )
    .map(([input, other, changes]) =>
      changes.reduce((bytes, each) => changeOnce(bytes, other, each), input),
    );

  test("breaks no rule when it is changed at random, and gives the same output when it is cut", () => {
    fc.assert(
      fc.property(changed, fc.nat(), (input, place) => {
        using one = run([input]);
        expect(one.reader.violations).toEqual([]);
        const at = place % (input.byteLength + 1);
        using cut = run([input.subarray(0, at), input.subarray(at)], true);
        expect(cut.output.equals(one.output)).toBe(true);
        one.hangUp();
        expect(one.running).toBe(0);
      }),
      { numRuns: 1_500 },
    );
  });
});

function changeOnce(
  bytes: Buffer,
  other: Buffer,
  [from, to, value, kind]: [number, number, number, number],
): Buffer {
  const [start, end] = [from % (bytes.byteLength + 1), to % (bytes.byteLength + 1)].sort(
    (a, b) => a - b,
  ) as [number, number];
  switch (kind) {
    case 0:
      return Buffer.concat([bytes.subarray(0, start), Buffer.of(value), bytes.subarray(start + 1)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    default:
      return Buffer.concat([bytes.subarray(0, start), other.subarray(to % (other.byteLength + 1))]);
  }
}

/** Each stream's frames in order, in an order that `picks` choose. */
function mix(streams: readonly Buffer[][], picks: readonly number[]): Buffer[] {
  const rests = streams.map((each) => [...each]);
  const mixed: Buffer[] = [];
  // A stream must not be opened after one with a higher id.
  for (const rest of rests) mixed.push(rest.shift() as Buffer);
  for (let at = 0; rests.some(({ length }) => length > 0); at++) {
    const open = rests.filter(({ length }) => length > 0);
    mixed.push(
      (open[(picks[at % picks.length] as number) % open.length] as Buffer[]).shift() as Buffer,
    );
  }
  return mixed;
}

test("independent streams get the same answers in whatever order their frames come", () => {
  fc.assert(
    fc.property(
      fc.array(goodStream, { minLength: 2, maxLength: 6 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
      (makers, picks) => {
        const streams = makers.map((make, index) => make(2 * index + 1));
        // Enough for every answer.
        const room = windowUpdate(0, 1_000_000);
        using apart = run([room, ...streams.flat()]);
        using mixed = run([room, ...mix(streams, picks)]);
        using together = run([Buffer.concat([room, ...mix(streams, picks)])]);
        for (const other of [mixed, together]) {
          expect({ ...answersOf(other), 0: [] }).toEqual({ ...answersOf(apart), 0: [] });
          expect(other.reader.violations).toEqual([]);
        }
        expect(
          apart.reader.frames.filter(
            ({ type, fields }) => type === headers && fields?.[1] === "200",
          ),
        ).toHaveLength(streams.length);
      },
    ),
    { numRuns: 300 },
  );
});

describe("windows", () => {
  /** What a client does while large answers wait for it. */
  const step = fc.oneof(
    fc
      .tuple(fc.constantFrom(0, 1, 3, 5), fc.constantFrom(1, 100, 5_000, 30_000))
      .map(([id, by]) => windowUpdate(id, by)),
    fc.constantFrom(0, 300, 65_535, 100_000).map((size) => frame(settings, 0, 0, setting(4, size))),
    fc.constantFrom(1, 3).map((id) => reset(id)),
  );

  test("are never exceeded, and every answer arrives once they are open", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.constantFrom(0, 1_000, 65_535),
        (steps, first) => {
          using memory = openMemory();
          memory.send(greeting, frame(settings, 0, 0, setting(4, first)));
          const large = withField(":path", "/large");
          memory.send(whole(1, large), whole(3, large), whole(5, large));
          for (const each of steps) memory.send(each);
          expect(memory.reader.violations).toEqual([]);
          memory.send(frame(settings, 0, 0, setting(4, 200_000)), windowUpdate(0, 200_000));
          const ofFive = memory.reader.frames.filter(
            ({ streamId, type }) => streamId === 5 && type === data,
          );
          const body = Buffer.concat(ofFive.map(({ payload }) => payload));
          expect(body.equals(Buffer.alloc(30_000, "x"))).toBe(true);
          expect(ofFive.at(-1)?.flags).toBe(endStream);
          expect(memory.reader.violations).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("streams that have waited are served in turn", () => {
    using memory = openMemory();
    memory.send(greeting, windowUpdate(0, 1_000_000), frame(settings, 0, 0, setting(4, 0)));
    const large = withField(":path", "/large");
    memory.send(...[1, 3, 5, 7].map((id) => whole(id, large)));
    memory.send(frame(settings, 0, 0, setting(4, 65_535)));
    const order = memory.reader.frames
      .filter(({ type }) => type === data)
      .map(({ streamId }) => streamId);
    expect(order).toEqual([1, 3, 5, 7, 1, 3, 5, 7]);
  });
});

test("the heap does not grow with the connections that have ended", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const inputs = fc.sample(anyInput, { numRuns: 500, seed: 7 });
  const live = () => {
    for (const input of inputs) {
      using memory = run([input]);
      memory.hangUp();
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  live();
  const before = live();
  const after = Math.min(...Array.from({ length: 4 }, live));
  expect(after - before).toBeLessThan(2_000_000);
});

test("a request whose body never comes costs its connection nothing once it is reset", () => {
  using memory = openMemory();
  memory.send(greeting);
  for (let id = 1; id < 4_000; id += 2) {
    memory.send(begun(id), frame(data, 0, id, Buffer.alloc(100)), reset(id));
    memory.pass(50);
  }
  expect(memory.isClosed).toBe(false);
  expect(memory.running).toBe(0);
});
