import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Fields, frame, frameFlags, frameTypes, reset } from "../../faults/frames.ts";
import { startEcho } from "../echo.ts";
import { binaryNote, envelope } from "../speak.ts";
import { describeFrame } from "./support/peer.ts";
import { begun, expectServed, getNote, greet, whole, withField } from "./support/requests.ts";

// A connection may have 100 requests that something works for. However a request ends, it counts no more afterwards.

const { data } = frameTypes;
const { endStream } = frameFlags;

const path = (name: string, fields: Fields = getNote) => withField(":path", name, fields);
const slow = path("/api/v1/notes/slow");
const call = (method: string, ...more: Fields): Fields => [
  ...withField(":method", "POST", path(`/echo.v1.EchoService/${method}`)),
  ["content-type", "application/grpc"],
  ["te", "trailers"],
  ...more,
];
const message = (id: number, bytes = envelope(binaryNote())) => frame(data, endStream, id, bytes);

/** How a request may end: what the client sends at first, and after a moment. */
const ends: Readonly<Record<string, (id: number) => readonly [Buffer, Buffer?]>> = {
  answered: (id) => [whole(id)],
  "reset before its body has come": (id) => [begun(id), reset(id)],
  "reset in the same packet": (id) => [Buffer.concat([whole(id, slow), reset(id)])],
  "reset while its handler runs": (id) => [whole(id, slow), reset(id)],
  "no such path": (id) => [whole(id, path("/unknown"))],
  "no such path, and a body that never comes": (id) => [begun(id, path("/unknown")), reset(id)],
  "a message that cannot be read": (id) => [
    Buffer.concat([begun(id, call("Echo")), message(id, Buffer.from("nonsense"))]),
  ],
  "no message": (id) => [whole(id, call("Echo"))],
  "an unknown compression": (id) => [
    Buffer.concat([begun(id, call("Echo", ["grpc-encoding", "x"])), message(id)]),
  ],
  "a handler that fails": (id) => [whole(id, path("/api/v1/notes/fail"))],
  "a deadline that passes": (id) => [
    Buffer.concat([begun(id, call("Echo", ["grpc-timeout", "5m"])), message(id)]),
  ],
  "a stream that ends": (id) => [Buffer.concat([begun(id, call("Spread")), message(id)])],
  "a stream that is reset": (id) => [
    Buffer.concat([begun(id, call("Talk")), frame(data, 0, id, envelope(binaryNote()))]),
    reset(id),
  ],
  "a stream that is reset at once": (id) => [Buffer.concat([begun(id, call("Talk")), reset(id)])],
  "a body that is too long": (id) => [
    Buffer.concat([begun(id, withField("content-length", "1", call("Echo"))), message(id)]),
  ],
};

describe("a request counts no more once it has ended", () => {
  test.for(Object.entries(ends).map(([name, make]) => ({ name, make })))(
    "$name",
    async ({ make }) => {
      let isHeld = false;
      let running = 0;
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      await using server = await startEcho({
        async look(note) {
          if (note.id === "fail") throw new Error("no");
          running += 1;
          if (note.id === "slow") await (isHeld ? released : sleep(5));
          running -= 1;
          return note;
        },
        async echo(note) {
          running += 1;
          await sleep(10);
          running -= 1;
          return note;
        },
        async *spread(note) {
          yield note;
        },
        async *talk(notes) {
          for await (const note of notes) yield note;
        },
      });
      using peer = await greet(server);
      let id = 1;
      for (let round = 0; round < 12; round++) {
        const ids = Array.from({ length: 10 }, (_, index) => id + 2 * index);
        peer.send(...ids.map((each) => make(each)[0]));
        await peer.settled();
        peer.send(...ids.map((each) => make(each)[1] ?? Buffer.alloc(0)));
        id += 20;
        // Answered calls make up for those that are reset, so that the connection is not taken for an attack.
        for (let good = 0; good < 12; good++, id += 2) await expectServed(peer, id);
      }
      // Handlers run to their end, also of calls that were reset or whose deadline has passed.
      await expect.poll(() => running + server.listener.load().calls).toBe(0);
      isHeld = true;
      const held = Array.from({ length: 100 }, (_, index) => id + 2 * index);
      peer.send(...held.map((each) => whole(each, slow)));
      await peer.settled();
      // Its handler still runs, so there is no room for another one.
      const [gone = 0, ...left] = held;
      const further = gone + 200;
      peer.send(reset(gone), whole(further));
      const refusal = await peer.until(({ streamId }) => streamId === further);
      expect(describeFrame(refusal)).toBe(`reset:${further}(7)`);
      release();
      const isServed = (id: number) =>
        peer.frames.some(({ streamId, fields }) => streamId === id && fields?.[1] === "200");
      await expect.poll(() => left.filter((each) => !isServed(each))).toEqual([]);
      expect(peer.violations).toEqual([]);
    },
  );
});

test("a call that is reset before its turn is never begun, and leaves its place at once", async () => {
  const begun: string[] = [];
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await using server = await startEcho(
    {
      async look(note) {
        begun.push(note.id);
        if (note.id === "slow") await released;
        return note;
      },
    },
    { isHeavy: () => true },
  );
  using peer = await greet(server);
  const held = Array.from({ length: 100 }, (_, index) => 1 + 2 * index);
  const last = held.at(-1) ?? 0;
  const further = last + 2;
  // In one packet, so that the turn of the last one has not come when it is reset.
  peer.send(Buffer.concat([...held.map((id) => whole(id, slow)), reset(last), whole(further)]));
  const isServed = (id: number) =>
    peer.frames.some(({ streamId, fields }) => streamId === id && fields?.[1] === "200");
  await expect.poll(() => isServed(further)).toBe(true);
  release();
  await expect.poll(() => held.filter((id) => !isServed(id))).toEqual([last]);
  expect(begun).toHaveLength(100);
  expect(peer.violations).toEqual([]);
});
