import { describe, expect, test } from "vitest";
import { frame, frameFlags, frameTypes, preface } from "../../faults/frames.ts";
import { begun, whole } from "./support/requests.ts";
import { type DeskSession, greetOnDesk, openOnDesk } from "./support/session-on-desk.ts";

// The server tells its operator why it ends a connection. What floods end with is in floods.test.ts.

const { endHeaders, endStream } = frameFlags;
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
