import { describe, expect, test } from "vitest";
import { http2IdleMs, http2MaxAgeMs, openingTimeoutMs } from "../../../src/wire/limits.ts";
import { frame, frameFlags, frameTypes } from "../../faults/frames.ts";
import { begun, whole } from "./support/requests.ts";
import { type DeskSession, greetOnDesk } from "./support/session-on-desk.ts";

// How a connection ends, step by step. What each step is for is in session.test.ts.

const { goAway, headers, ping } = frameTypes;
const { ack } = frameFlags;

/** The types of the frames that were sent since the last call. */
function types(desk: DeskSession): number[] {
  while (desk.endTurn());
  return desk.sent().map(({ type }) => type);
}
const pong = (payload: string) => frame(ping, ack, 0, Buffer.from(payload));
const leave = frame(goAway, 0, 0, Buffer.alloc(8));

describe("a connection says that it will close", () => {
  test("at an age that differs by a tenth", () => {
    const desks = Array.from({ length: 20 }, () => greetOnDesk());
    const step = http2IdleMs / 3;
    const ages = desks.map((desk) => {
      let age = 0;
      for (let id = 1; !types(desk).includes(goAway); id += 2, age += step) {
        desk.receive(whole(id));
        desk.pass(step);
      }
      expect(desk.closed).toMatchObject([{ reason: "max_age" }]);
      return age;
    });
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0.9 * http2MaxAgeMs);
    expect(Math.max(...ages)).toBeLessThanOrEqual(1.1 * http2MaxAgeMs + step);
    expect(new Set(ages).size).toBeGreaterThan(1);
  });

  test("once, without words", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    desk.pass(http2IdleMs);
    const [first, ...rest] = desk.sent();
    expect([first?.type, first?.payload.length]).toEqual([goAway, 8]);
    expect(rest.map(({ type }) => type)).toEqual([ping]);
    desk.pass(250);
    expect(types(desk)).toEqual([]);
  });

  test("and which stream is the last once the client has answered its PING, and no other", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1), pong("draining"));
    expect(types(desk)).toEqual([]);
    desk.session.drain();
    expect(types(desk)).toEqual([goAway, ping]);
    desk.receive(pong("whatever"));
    expect(types(desk)).toEqual([]);
    desk.receive(pong("draining"));
    expect(types(desk)).toEqual([goAway]);
    desk.receive(pong("draining"));
    expect(types(desk)).toEqual([]);
  });

  test("once, also if the server ends and it is old", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    desk.isDraining = true;
    desk.session.drain();
    expect(types(desk)).toEqual([goAway]);
    desk.session.drain();
    desk.pass(http2MaxAgeMs * 2);
    expect(types(desk)).toEqual([]);
  });
});

describe("a connection that is over", () => {
  const fail = (desk: DeskSession) => desk.receive(frame(ping, 0, 1, Buffer.alloc(8)));

  test("says nothing more when the server ends", () => {
    const desk = greetOnDesk();
    fail(desk);
    expect(types(desk)).toEqual([goAway]);
    desk.isDraining = true;
    desk.session.drain();
    expect(types(desk)).toEqual([]);
    expect(desk.told).toEqual(["end"]);
  });

  test("has no requests, and handlers hear of it", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    let gone = 0;
    desk.requests[0]?.onGone(() => {
      gone += 1;
    });
    fail(desk);
    expect(gone).toBe(1);
    expect(desk.session.streams.size).toBe(0);
  });

  test("is read to its end, although reading was paused", () => {
    const desk = greetOnDesk();
    desk.isStuck = true;
    for (let id = 1; !desk.told.includes("pause"); id += 2) {
      desk.receive(whole(id));
      desk.requests.at(-1)?.respond({ status: 200, headers: { x: "y".repeat(10_000) } }, []);
      while (desk.endTurn());
      desk.receive(frame(0xfa, 0, 0));
    }
    // A little more has come before the socket stopped, and the rest of it never comes.
    desk.receive(frame(headers, 0, 101));
    desk.pass(openingTimeoutMs);
    expect(desk.told).toEqual(["pause", "resume", "end"]);
  });

  test.for([5_000, 30_000])("has %i bytes that count until the socket has closed", (bytes) => {
    const room = bytes + 8_192;
    const desk = greetOnDesk({ maxUnsentBytes: room });
    desk.receive(begun(1));
    desk.isStuck = true;
    desk.requests[0]?.respond({ status: 200, headers: {}, body: Buffer.alloc(bytes) }, []);
    while (desk.endTurn());
    desk.receive(frame(frameTypes.data, 1, 1), leave);
    expect(desk.told).toEqual(["end"]);
    // Another client needs the room.
    const other = desk.unsent.begin("192.0.2.2", () => undefined);
    expect(other.hand(bytes - 100)).toBe(true);
    expect(desk.told).toEqual(["end", "destroy"]);
    // The client has left: that is not why the server ends it.
    expect(desk.closed).toEqual([]);
  });

  test("has all the time of an answer for what is left, if the client did nothing wrong", () => {
    const desk = greetOnDesk();
    desk.receive(leave);
    expect(desk.told).toEqual(["end"]);
    desk.pass(29_999);
    expect(desk.told).toEqual(["end"]);
    desk.pass(1);
    expect(desk.told).toEqual(["end", "destroy"]);
  });

  test("begins nothing of what has come before its socket closed", () => {
    const desk = greetOnDesk();
    const ids = Array.from({ length: 40 }, (_, index) => 2 * index + 1);
    desk.session.receive(Buffer.concat(ids.map((id) => whole(id))));
    const before = desk.requests.length;
    expect(before).toBeLessThan(40);
    desk.session.hangUp();
    while (desk.endTurn());
    expect(desk.requests).toHaveLength(before);
  });
});
