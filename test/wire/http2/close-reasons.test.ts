import { describe, expect, test } from "vitest";
import {
  frame,
  frameFlags,
  frameTypes,
  preface,
  reset,
  uint32,
  windowUpdate,
} from "../../faults/frames.ts";
import { begun, setting, whole } from "./support/requests.ts";
import { type DeskSession, greetOnDesk, openOnDesk } from "./support/session-on-desk.ts";

// The server tells its operator why it ends a connection. What floods end with is in floods.test.ts.

const { ack, endHeaders, endStream, padded, priority } = frameFlags;
const { headers } = frameTypes;

type Case = {
  readonly reason: string;
  readonly open?: () => DeskSession;
  readonly act: (desk: DeskSession) => void;
  readonly streams?: number;
};

const planned: readonly Case[] = [
  { reason: "idle", act: (desk) => desk.pass(90_000) },
  {
    reason: "max_age",
    streams: 1,
    act(desk) {
      desk.receive(whole(1));
      desk.pass(700_000);
    },
  },
  { reason: "shutdown", act: (desk) => desk.session.drain() },
];

const faults: readonly Case[] = [
  { reason: "slow_opening", open: openOnDesk, act: (desk) => desk.pass(5_000) },
  {
    reason: "slow_field_block",
    act(desk) {
      desk.receive(frame(headers, endStream, 1, Buffer.of(0x82)));
      desk.pass(5_000);
    },
  },
  {
    reason: "no_settings",
    open: openOnDesk,
    act: (desk) => desk.receive(preface, frame(frameTypes.ping, 0, 0, Buffer.alloc(8))),
  },
  {
    reason: "bad_compression",
    act: (desk) => desk.receive(frame(headers, endHeaders | endStream, 1, Buffer.of(0x80))),
  },
  {
    reason: "data_after_end",
    streams: 2,
    act(desk) {
      desk.receive(whole(1), begun(3));
      desk.receive(frame(frameTypes.data, 0, 1, Buffer.of(0)));
    },
  },
];

const { data, continuation, ping, settings } = frameTypes;
const bytes = (length: number) => Buffer.alloc(length);
const largest = 0x7fffffff;

/** What RFC 9113 does not allow: the reason, the code of GOAWAY, and the frames. */
const violations: readonly (readonly [reason: string, code: number, ...frames: Buffer[]])[] = [
  ["bad_frame", 6, frame(ping, 0, 0, bytes(7))],
  ["bad_padding", 1, begun(1), frame(data, padded, 1, Buffer.of(1))],
  ["bad_padding", 1, frame(headers, endHeaders | padded, 1, Buffer.of(1))],
  ["bad_settings", 1, frame(settings, 0, 0, setting(2, 2))],
  ["bad_settings", 3, frame(settings, 0, 0, setting(4, largest + 1))],
  ["bad_field_block", 1, frame(continuation, endHeaders, 1)],
  ["bad_field_block", 1, frame(headers, 0, 1), frame(continuation, endHeaders, 3)],
  ["bad_field_block", 1, frame(headers, 0, 1), frame(ping, 0, 0, bytes(8))],
  ["bad_field_block", 11, frame(headers, 0, 1), frame(continuation, 0, 1)],
  ["idle_stream", 1, frame(data, 0, 1, bytes(1))],
  ["idle_stream", 1, whole(3), frame(data, 0, 2, bytes(1))],
  ["idle_stream", 1, whole(2)],
  ["idle_stream", 1, reset(1)],
  ["idle_stream", 1, windowUpdate(1, 1)],
  ["data_on_closed_stream", 5, begun(1), reset(1), frame(data, 0, 1, bytes(1))],
  ["headers_on_closed_stream", 5, begun(1), reset(1), whole(1)],
  ["data_after_end", 5, whole(1), frame(data, 0, 1, bytes(1))],
  ["headers_after_end", 5, whole(1), whole(1)],
  ["connection_window", 3, windowUpdate(0, largest)],
  ["window_update_of_0", 1, windowUpdate(0, 0)],
  ["unasked_acknowledgement", 1, frame(settings, ack, 0)],
  ["depends_on_itself", 1, frame(frameTypes.priority, 0, 1, Buffer.of(0, 0, 0, 1, 0))],
  [
    "depends_on_itself",
    1,
    frame(headers, endHeaders | priority, 1, Buffer.concat([uint32(1), bytes(1)])),
  ],
  ["stream_window", 3, begun(1), ...Array(4).fill(frame(data, 0, 1, bytes(16_384)))],
];

describe("why the server ends a connection", () => {
  test.for([
    ...planned.map((row) => ({ ...row, isPlanned: true })),
    ...faults.map((row) => ({ ...row, isPlanned: false })),
  ])("$reason", ({ reason, open = greetOnDesk, act, streams = 0, isPlanned }) => {
    const desk = open();
    act(desk);
    expect(desk.closed).toMatchObject([{ reason, isPlanned, streams }]);
    // It is told once, whatever comes after.
    desk.pass(60_000);
    desk.session.hangUp();
    expect(desk.closed).toHaveLength(1);
  });

  test.for(violations)("%s, code %i", ([reason, code, ...frames]) => {
    const desk = greetOnDesk();
    desk.receive(...frames.slice(0, -1));
    expect(desk.closed).toEqual([]);
    desk.receive(frames.at(-1) ?? bytes(0));
    expect(desk.closed).toMatchObject([{ reason, isPlanned: false }]);
    const last = desk.sent().findLast(({ type }) => type === frameTypes.goAway);
    expect(last?.payload.readUInt32BE(4)).toBe(code);
    expect(last?.payload.toString("latin1", 8)).toBe(reason);
  });

  test("no_preface", () => {
    const desk = openOnDesk();
    desk.receive(preface.subarray(0, 5), Buffer.from("GET / HTTP/1.1"));
    expect(desk.closed).toMatchObject([{ reason: "no_preface", isPlanned: false }]);
  });

  test("data_on_closed_stream, also of the last stream that is served", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1), whole(3));
    desk.requests[1]?.respond({ status: 204, headers: {} }, []);
    desk.isDraining = true;
    desk.session.drain();
    // Those after it are not served, whatever comes on them.
    desk.receive(begun(5), frame(data, 0, 5, bytes(1)));
    expect(desk.told).toEqual([]);
    desk.receive(frame(data, 0, 3, bytes(1)));
    expect(desk.told).toEqual(["end"]);
    const last = desk.sent().findLast(({ type }) => type === frameTypes.goAway);
    expect(last?.payload.toString("latin1", 8)).toBe("data_on_closed_stream");
  });

  test("an error of compression is told in words", () => {
    const desk = greetOnDesk();
    desk.receive(frame(headers, endHeaders | endStream, 1, Buffer.of(0x80)));
    const words = desk.sent().findLast(({ type }) => type === frameTypes.goAway)?.payload;
    expect(words?.toString("latin1", 8)).toBe("no entry has the index 0");
  });

  test("nothing if the client closes", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    desk.session.hangUp();
    expect(desk.closed).toEqual([]);
  });

  test("unread_answers", () => {
    const desk = greetOnDesk({ maxUnsentBytes: 100, maxUnsentBytesEach: 100 });
    // Another connection of this client has taken what there is.
    desk.unsent.begin("192.0.2.1", () => undefined).hand(100);
    desk.isStuck = true;
    for (let id = 1; id < 1_000; id += 2) {
      desk.receive(whole(id));
      for (const request of desk.requests.splice(0)) {
        request.respond({ status: 404, headers: {}, body: Buffer.alloc(100) }, []);
        request.release();
      }
    }
    expect(desk.closed).toMatchObject([{ reason: "unread_answers", isPlanned: false }]);
  });
});
