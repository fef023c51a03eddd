import { describe, expect, test } from "vitest";
import {
  http2IdleMs,
  http2Limits,
  http2MaxAgeMs,
  lingerMs,
  openingTimeoutMs,
} from "../../../src/wire/limits.ts";
import { frame, frameTypes, reset, windowUpdate } from "../../faults/frames.ts";
import type { Http2Frame } from "../raw.ts";
import { begun, greeting, setting, whole } from "./support/requests.ts";
import { type DeskSession, greetOnDesk, openOnDesk } from "./support/session-on-desk.ts";

const { data, goAway, headers, ping } = frameTypes;

const goAways = (frames: readonly Http2Frame[]) =>
  frames
    .filter(({ type }) => type === goAway)
    .map(({ payload }) => ({ last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }));
const resets = (frames: readonly Http2Frame[]) =>
  frames
    .filter(({ type }) => type === frameTypes.reset)
    .map(({ streamId, payload }) => ({ streamId, code: payload.readUInt32BE(0) }));
const answer = ({ requests }: DeskSession, index: number, body = "ok") =>
  requests[index]?.respond({ status: 200, headers: {}, body: Buffer.from(body) }, []);
const everything = 0x7fffffff;

describe("the end of a connection", () => {
  test("comes when no stream was opened for a while", () => {
    const desk = greetOnDesk();
    desk.pass(http2IdleMs - 1);
    expect(desk.told).toEqual([]);
    desk.pass(1);
    const frames = desk.sent();
    expect(goAways(frames)).toEqual([{ last: everything, code: 0 }]);
    // A request may have been on its way.
    desk.receive(whole(1), frame(ping, 1, 0, frames.find(({ type }) => type === ping)?.payload));
    expect(goAways(desk.sent())).toEqual([{ last: 1, code: 0 }]);
    answer(desk, 0);
    expect(desk.told).toEqual(["end"]);
    desk.pass(30_000);
    expect(desk.told).toEqual(["end", "destroy"]);
  });

  test("comes in two steps when it has grown old: what was on its way is served", () => {
    const desk = greetOnDesk();
    let age = 0;
    let frames: Http2Frame[] = [];
    for (; goAways(frames).length === 0; age += http2IdleMs / 4) {
      desk.receive(whole(2 * desk.requests.length + 1));
      desk.pass(http2IdleMs / 4);
      frames = desk.sent();
    }
    expect(age / http2MaxAgeMs).toBeCloseTo(1, 0);
    expect(goAways(frames)).toEqual([{ last: everything, code: 0 }]);
    const [question] = frames.filter(({ type }) => type === ping);
    const before = desk.requests.length;
    desk.receive(whole(2 * before + 1), frame(ping, 1, 0, question?.payload));
    expect(desk.requests).toHaveLength(before + 1);
    expect(goAways(desk.sent())).toEqual([{ last: 2 * before + 1, code: 0 }]);
    desk.receive(whole(2 * before + 3));
    expect(desk.requests).toHaveLength(before + 1);
    expect(desk.sent()).toEqual([]);
    for (const index of desk.requests.keys()) answer(desk, index);
    expect(desk.told).toEqual(["end"]);
    expect(desk.sent().filter(({ type }) => type === headers)).toHaveLength(before + 1);
  });

  test("does not wait for a client that does not acknowledge a PING", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    desk.session.drain();
    desk.pass(lingerMs - 1);
    expect(goAways(desk.sent())).toEqual([{ last: everything, code: 0 }]);
    desk.pass(1);
    expect(goAways(desk.sent())).toEqual([{ last: 1, code: 0 }]);
  });

  test("comes in one step when the server ends: clients send elsewhere what it has not begun", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    desk.isDraining = true;
    desk.session.drain();
    desk.receive(whole(3));
    expect(goAways(desk.sent())).toEqual([{ last: 1, code: 0 }]);
    expect(desk.requests).toHaveLength(1);
    answer(desk, 0);
    expect(desk.told).toEqual(["end"]);
  });

  test("comes when a client that leaves has all its answers", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1), frame(goAway, 0, 0, Buffer.alloc(8)));
    expect(desk.told).toEqual([]);
    answer(desk, 0);
    expect(desk.told).toEqual(["end"]);
  });

  test("comes after an error once the client had time to read why", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1), frame(ping, 0, 1, Buffer.alloc(8)), whole(3));
    expect(goAways(desk.sent())).toEqual([{ last: 1, code: 1 }]);
    expect(desk.requests).toHaveLength(1);
    desk.receive(whole(5));
    desk.pass(lingerMs - 1);
    expect(desk.told).toEqual(["end"]);
    desk.pass(1);
    expect(desk.told).toEqual(["end", "destroy"]);
    expect(desk.sent()).toEqual([]);
  });

  test.for([
    { name: "nothing", bytes: Buffer.alloc(0) },
    { name: "half of the preface", bytes: greeting.subarray(0, 12) },
    { name: "the preface without SETTINGS", bytes: greeting.subarray(0, 24) },
  ])("comes when a client sends $name", ({ bytes }) => {
    const desk = openOnDesk();
    desk.receive(bytes);
    desk.pass(openingTimeoutMs - 1);
    expect(desk.told).toEqual([]);
    desk.pass(1);
    expect(desk.told).toEqual(["destroy"]);
  });

  test("comes when a field block is not continued", () => {
    const desk = greetOnDesk();
    desk.receive(frame(headers, 0, 1, Buffer.of(0x82)));
    desk.pass(openingTimeoutMs);
    expect(goAways(desk.sent())).toEqual([{ last: 0, code: 11 }]);
  });
});

describe("one turn of the event loop", () => {
  test("begins so many requests of one connection and no more", () => {
    const desk = greetOnDesk();
    const ids = Array.from({ length: 40 }, (_, index) => 2 * index + 1);
    desk.session.receive(Buffer.concat(ids.map((id) => whole(id))));
    const begun = [desk.requests.length];
    while (desk.endTurn()) begun.push(desk.requests.length);
    expect(begun.slice(0, 3)).toEqual([16, 32, 40]);
  });

  test("has one write, whatever is answered in it", () => {
    const desk = greetOnDesk();
    desk.receive(...[1, 3, 5].map((id) => whole(id)));
    const before = desk.writes.length;
    for (const index of [2, 0, 1]) answer(desk, index);
    expect(desk.writes).toHaveLength(before);
    desk.endTurn();
    expect(desk.writes).toHaveLength(before + 1);
    const answered = desk.sent().filter(({ type }) => type === headers);
    expect(answered.map(({ streamId }) => streamId)).toEqual([5, 1, 3]);
  });

  test("handles so many frames of one connection and no more; the rest follows in order", () => {
    const desk = greetOnDesk();
    const pings = Array.from({ length: 50 }, (_, index) =>
      frame(ping, 0, 0, Buffer.alloc(8, index)),
    );
    const unknown = Array(http2Limits.framesATurn - 10).fill(frame(0xfa, 0, 0));
    desk.session.receive(Buffer.concat([...unknown, ...pings]));
    expect(desk.told).toEqual(["pause"]);
    while (desk.endTurn());
    expect(desk.told).toEqual(["pause", "resume"]);
    const payloads = desk.sent().map(({ payload }) => payload[0]);
    expect(payloads).toEqual(pings.map((_, index) => index));
  });
});

test("a request that was reset keeps its place until its handler has returned", () => {
  const desk = greetOnDesk();
  const ids = Array.from({ length: http2Limits.maxStreams }, (_, index) => 2 * index + 1);
  for (const id of ids) desk.receive(whole(id), reset(id));
  desk.receive(whole(301));
  expect(resets(desk.sent())).toEqual([{ streamId: 301, code: 7 }]);
  desk.requests[0]?.release();
  desk.receive(whole(303));
  expect(desk.requests).toHaveLength(ids.length + 1);
  expect(resets(desk.sent())).toEqual([]);
});

describe("answers that wait for the client", () => {
  /** The streams of DATA frames, in order. */
  const turns = (frames: readonly Http2Frame[]) =>
    frames.filter(({ type }) => type === data).map(({ streamId }) => streamId);

  test("take turns, and one whose window is shut does not hold up the others", () => {
    const desk = greetOnDesk();
    const shut = frame(frameTypes.settings, 0, 0, setting(4, 0));
    desk.receive(shut, ...[1, 3, 5].map((id) => whole(id)));
    for (const index of [0, 1, 2]) answer(desk, index, "x".repeat(40_000));
    desk.endTurn();
    expect(turns(desk.sent())).toEqual([]);
    desk.receive(windowUpdate(0, 1_000_000), windowUpdate(1, 40_000), windowUpdate(5, 40_000));
    expect(turns(desk.sent())).toEqual([1, 5, 1, 5]);
    desk.take();
    expect(turns(desk.sent())).toEqual([1, 5]);
    desk.receive(windowUpdate(3, 40_000));
    expect(turns(desk.sent())).toEqual([3, 3, 3]);
  });

  test("are framed no sooner than the system takes them", () => {
    const desk = greetOnDesk();
    const open = frame(frameTypes.settings, 0, 0, setting(4, everything));
    desk.receive(open, windowUpdate(0, 1_000_000), whole(1));
    desk.isStuck = true;
    answer(desk, 0, "x".repeat(500_000));
    while (desk.endTurn());
    const first = desk.sent().length;
    expect(first).toBeLessThan(8);
    desk.take();
    expect(desk.sent().length).toBeGreaterThan(0);
    desk.receive(reset(1));
    desk.take();
    expect(turns(desk.sent())).toEqual([]);
  });

  test("end the connection of a client that wants them in crumbs", () => {
    const desk = greetOnDesk();
    desk.receive(frame(frameTypes.settings, 0, 0, setting(4, 0)), whole(1));
    answer(desk, 0, "x".repeat(100_000));
    for (let count = 0; !desk.session.isOver; count++) {
      desk.receive(windowUpdate(1, 1));
      expect(count).toBeLessThanOrEqual(http2Limits.oddities.atOnce);
    }
    const frames = desk.sent();
    expect(goAways(frames)).toEqual([{ last: 1, code: 11 }]);
    expect(frames.at(-1)?.type).toBe(goAway);
    desk.pass(lingerMs);
    expect(desk.told).toEqual(["end", "destroy"]);
    expect(desk.sent()).toEqual([]);
  });

  test("count until the socket has closed", () => {
    const desk = greetOnDesk({ maxUnsentBytes: 50_000 });
    const open = frame(frameTypes.settings, 0, 0, setting(4, everything));
    desk.receive(open, whole(1));
    desk.isStuck = true;
    answer(desk, 0, "x".repeat(30_000));
    while (desk.endTurn());
    desk.receive(frame(goAway, 0, 0, Buffer.alloc(8)));
    expect(desk.told).toEqual(["end"]);
    // Another client needs the room.
    const other = desk.unsent.begin("192.0.2.2", () => undefined);
    expect(other.hand(20_000)).toBe(true);
    expect(desk.told).toEqual(["end", "destroy"]);
  });

  test("stop the reading when too much waits", () => {
    const desk = greetOnDesk();
    desk.isStuck = true;
    for (let id = 1; !desk.told.includes("pause"); id += 2) {
      desk.receive(whole(id));
      const headers = { "x-large": "y".repeat(10_000) };
      desk.requests.at(-1)?.respond({ status: 200, headers }, []);
      while (desk.endTurn());
      desk.receive(frame(0xfa, 0, 0));
      expect(id).toBeLessThan(100);
    }
    desk.take();
    expect(desk.told).toEqual(["pause", "resume"]);
  });
});

describe("bodies", () => {
  test("that do not come at once need room", () => {
    const desk = greetOnDesk({ maxBodyBytesEach: 131_070 });
    for (const id of [1, 3, 5]) desk.receive(begun(id), frame(data, 0, id, Buffer.alloc(5_000)));
    expect(resets(desk.sent())).toEqual([{ streamId: 5, code: 11 }]);
    desk.receive(frame(data, 1, 1), begun(7), frame(data, 0, 7, Buffer.alloc(5_000)));
    expect(resets(desk.sent())).toEqual([]);
  });

  test("need more room as they grow, and leave all of it", () => {
    const desk = greetOnDesk({ maxBodyBytesEach: 131_070 });
    const send = (id: number, count: number, isLast = 0) => {
      for (let each = 0; each < count; each++) {
        desk.receive(frame(data, each === count - 1 ? isLast : 0, id, Buffer.alloc(16_000)));
      }
    };
    for (const id of [1, 3]) {
      desk.receive(begun(id));
      desk.requests.at(-1)?.openBody({ take: () => true, end() {} });
    }
    send(1, 8, 1);
    expect(resets(desk.sent())).toEqual([]);
    send(3, 9);
    expect(resets(desk.sent())).toEqual([{ streamId: 3, code: 11 }]);
  });

  test("keep no more memory than their own bytes", () => {
    const desk = greetOnDesk();
    const kept: Buffer[] = [];
    const keep = {
      take: (piece: Buffer) => kept.push(piece) > 0,
      end() {},
    };
    desk.receive(begun(1), frame(data, 0, 1, Buffer.alloc(1)));
    desk.requests[0]?.openBody(keep);
    desk.receive(frame(data, 0, 1, Buffer.alloc(1)));
    for (const byte of frame(data, 0, 1, Buffer.alloc(1))) desk.receive(Buffer.of(byte));
    expect(kept.map(({ buffer }) => buffer.byteLength)).toEqual([1, 1, 1]);
  });

  test("get credit when they are read, and the connection when they come", () => {
    const desk = greetOnDesk();
    const credit = () =>
      desk
        .sent()
        .filter(({ type }) => type === frameTypes.windowUpdate)
        .map(({ streamId, payload }) => [streamId, payload.readUInt32BE(0)]);
    desk.receive(begun(1));
    const send = () => desk.receive(frame(data, 0, 1, Buffer.alloc(16_000)));
    for (let count = 0; count < 4; count++) send();
    expect(credit()).toEqual([]);
    const pieces: number[] = [];
    desk.requests[0]?.openBody({
      take: (piece) => {
        pieces.push(piece.byteLength);
        return false;
      },
      end() {},
    });
    expect(pieces).toEqual([16_000, 16_000, 16_000, 16_000]);
    desk.requests[0]?.resumeBody();
    desk.endTurn();
    expect(credit()).toEqual([[1, 64_000]]);
    for (let count = 0; count < 4; count++) send();
    expect(credit()).toEqual([]);
    for (let id = 3; id < 100; id += 2) {
      desk.receive(begun(id), frame(data, 0, id, Buffer.alloc(16_000)), reset(id));
    }
    expect(credit()).toEqual([[0, 528_000]]);
  });
});
