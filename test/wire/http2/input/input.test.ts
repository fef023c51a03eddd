import { describe, expect, test } from "vitest";
import { frame, frameTypes } from "../../../faults/frames.ts";
import { whole } from "../support/requests.ts";
import { type DeskSession, greetOnDesk } from "../support/session-on-desk.ts";

const ids = (count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => first + 2 * index);
const requests = (count: number, first = 1) =>
  Buffer.concat(ids(count, first).map((id) => whole(id)));

test("what comes although reading is paused is handled behind what came before", () => {
  const desk = greetOnDesk();
  desk.session.receive(requests(40));
  expect(desk.told).toEqual(["pause"]);
  desk.session.receive(requests(20, 81));
  desk.session.receive(requests(5, 121));
  while (desk.endTurn());
  expect(desk.requests).toHaveLength(65);
  expect(desk.told).toEqual(["pause", "resume"]);
});

/** Whether exactly so many bytes of `max` count for the connection: the rest is free, and not a byte more. */
function isCounted(desk: DeskSession, max: number, bytes: number): boolean {
  let lost = 0;
  const lose = () => {
    lost += 1;
  };
  const most = desk.unhandled.take("192.0.2.2", max - bytes, lose);
  const isFull = most !== undefined && lost === 0;
  desk.unhandled.take("192.0.2.3", 1, lose);
  return isFull && lost === 1;
}

describe("what was read and is not handled counts:", () => {
  const max = 1_000_000;
  const open = () => greetOnDesk({ maxUnhandledBytes: max, maxUnhandledBytesEach: max });
  const begun = frame(frameTypes.data, 0, 1, Buffer.of(0), 16_000);
  const block = frame(frameTypes.headers, 0, 1, Buffer.alloc(500, 0x82));

  test.for([
    { name: "nothing", bytes: requests(1), count: 0 },
    { name: "the memory of a frame that has begun", bytes: begun, count: 16_009 },
    { name: "a field block that has begun", bytes: block, count: 500 },
  ])("$name", ({ bytes, count }) => {
    const desk = open();
    desk.receive(bytes);
    desk.pass(250);
    expect(isCounted(desk, max, count)).toBe(true);
  });

  test("what waits for the next turn, came nevertheless, or is left to the system", () => {
    const desk = open();
    const size = requests(1).byteLength;
    desk.session.receive(requests(40));
    desk.session.receive(requests(3, 81));
    desk.session.receive(requests(2, 87));
    desk.unread = 10_000;
    desk.endTurn();
    expect(desk.requests).toHaveLength(32);
    desk.endTurn();
    expect(desk.requests).toHaveLength(45);
    expect(isCounted(desk, max, 13 * size + 10_000)).toBe(true);
  });

  test("no longer once it is handled, or the socket has closed", () => {
    const desk = open();
    desk.receive(begun);
    desk.pass(250);
    desk.receive(Buffer.alloc(15_999), whole(3));
    expect(isCounted(desk, max, 0)).toBe(true);
    const closed = open();
    closed.receive(begun);
    closed.pass(250);
    closed.session.hangUp();
    expect(isCounted(closed, max, 0)).toBe(true);
  });

  test("and ends the connection if others need the room", () => {
    const desk = greetOnDesk({ maxUnhandledBytes: 20_000 });
    desk.receive(begun);
    desk.pass(250);
    expect(desk.unhandled.take("192.0.2.2", 5_000, () => undefined)).toBeDefined();
    expect(desk.told).toEqual(["destroy"]);
    expect(desk.closed).toMatchObject([{ reason: "too_much_waiting" }]);
  });
});
