import { describe, expect, test } from "vitest";
import { createHpackDecoder } from "../../../src/wire/http2/hpack/decoder.ts";
import { frame, frameFlags, frameTypes, reset, windowUpdate } from "../../faults/frames.ts";
import { openMemory } from "./support/memory.ts";
import { describeFrame } from "./support/peer.ts";
import { begun, greeting, putNote, setting, whole, withField } from "./support/requests.ts";
import { type DeskSession, greetOnDesk } from "./support/session-on-desk.ts";

// How an answer leaves, frame by frame.

const { data, settings } = frameTypes;
const { endStream } = frameFlags;

const sent = (desk: DeskSession) => desk.sent().map(describeFrame);
const firstWindow = (bytes: number) => frame(settings, 0, 0, setting(4, bytes));

describe("an answer in parts", () => {
  test.for([
    { name: "with trailers", trailers: { "grpc-status": "0" }, last: "headers:1" },
    { name: "without trailers", trailers: undefined, last: "data:1" },
  ])("ends $name, although a new setting has left its window below zero", ({ trailers, last }) => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    const answer = desk.requests[0]?.begin({ status: 200, headers: {} }, []);
    void answer?.write(Buffer.alloc(1_000));
    while (desk.endTurn());
    desk.receive(firstWindow(10));
    expect(sent(desk)).toEqual(["headers:1", "data:1", "settings"]);
    answer?.end(trailers);
    while (desk.endTurn());
    expect(sent(desk)).toEqual([last]);
    desk.receive(whole(3));
    expect(desk.requests).toHaveLength(2);
  });
});

test("the last frame of a body that was dropped is not answered with a reset", () => {
  const desk = greetOnDesk();
  desk.receive(begun(1));
  desk.requests[0]?.respond({ status: 404, headers: {}, body: Buffer.from("no") }, []);
  desk.endTurn();
  for (let count = 0; count < 3; count++) desk.receive(frame(data, 0, 1, Buffer.alloc(16_000)));
  expect(sent(desk)).toEqual(["headers:1", "data:1"]);
  desk.receive(frame(data, endStream, 1, Buffer.alloc(16_000)));
  expect(sent(desk)).toEqual([]);
});

const answer = (desk: DeskSession, index: number, bytes: number, status = 200) => {
  desk.requests[index]?.respond({ status, headers: {}, body: Buffer.alloc(bytes) }, []);
  while (desk.endTurn());
};

describe("an answer", () => {
  test.for([
    { name: "to GET", method: "GET", status: 200, length: "2", frames: "headers:1 data:1" },
    { name: "to HEAD", method: "HEAD", status: 200, length: "2", frames: "headers:1" },
    { name: "204", method: "GET", status: 204, length: undefined, frames: "headers:1" },
    { name: "304", method: "GET", status: 304, length: "2", frames: "headers:1" },
  ])("$name has the frames and the length that it should", ({ method, status, length, frames }) => {
    using memory = openMemory((exchange) => {
      exchange.respond({ status, headers: {}, body: Buffer.from("ok") }, []);
      exchange.release();
    });
    memory.send(greeting, whole(1, withField(":method", method)));
    const seen = memory.reader.frames.filter(({ streamId }) => streamId === 1);
    expect(seen.map(describeFrame).join(" ")).toBe(frames);
    const fields = seen[0]?.fields ?? [];
    const at = fields.indexOf("content-length");
    expect(at < 0 ? undefined : fields[at + 1]).toBe(length);
    expect(memory.reader.violations).toEqual([]);
  });

  test("is sent once", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    answer(desk, 0, 1);
    answer(desk, 0, 1);
    expect(desk.requests[0]?.begin({ status: 200, headers: {} }, [])).toBeUndefined();
    desk.requests[0]?.abort();
    while (desk.endTurn());
    expect(sent(desk)).toEqual(["headers:1", "data:1"]);
  });

  test("is not sent on a stream that was reset", async () => {
    const desk = greetOnDesk();
    desk.receive(whole(1), whole(3));
    const begun = desk.requests[1]?.begin({ status: 200, headers: {} }, []);
    while (desk.endTurn());
    desk.receive(reset(1), reset(3));
    desk.sent();
    answer(desk, 0, 1);
    expect(desk.requests[0]?.begin({ status: 200, headers: {} }, [])).toBeUndefined();
    await expect(begun?.write(Buffer.of(1))).rejects.toThrow("the client has gone");
    begun?.end();
    for (const request of desk.requests) request.abort();
    while (desk.endTurn());
    expect(sent(desk)).toEqual([]);
    let gone = 0;
    desk.requests[0]?.onGone(() => {
      gone += 1;
    });
    expect(gone).toBe(1);
  });

  test("whose trailers cannot be sent ends with an error of its stream", () => {
    const desk = greetOnDesk();
    desk.receive(whole(1));
    const begun = desk.requests[0]?.begin({ status: 200, headers: {} }, []);
    begun?.end({ "a b": "" });
    while (desk.endTurn());
    expect(sent(desk)).toEqual(["headers:1", "reset:1(2)"]);
  });

  test.for([
    { bytes: 15_000, flags: [0x5] },
    { bytes: 30_000, flags: [0x1, 0x4] },
    { bytes: 40_000, flags: [0x1, 0, 0x4] },
  ])("whose head has $bytes bytes comes in as few frames as it can", ({ bytes, flags }) => {
    const respond = (length: number) => {
      const desk = greetOnDesk();
      desk.receive(whole(1));
      desk.requests[0]?.respond({ status: 204, headers: { x: "~".repeat(length) } }, []);
      while (desk.endTurn());
      return desk.sent();
    };
    // Another connection has used a part of the memory that it may get.
    respond(7_000);
    const frames = respond(bytes);
    expect(frames.map((each) => each.flags)).toEqual(flags);
    const [first, ...rest] = frames.map(({ type }) => type);
    expect(first).toBe(frameTypes.headers);
    expect(new Set(rest)).toEqual(new Set(rest.length > 0 ? [frameTypes.continuation] : []));
    const decoder = createHpackDecoder({ maxBytes: 100_000, maxFields: 10 });
    const fields = decoder.decode(Buffer.concat(frames.map(({ payload }) => payload)));
    expect(fields?.[fields.indexOf("x") + 1]).toBe("~".repeat(bytes));
  });

  test("may be taken in pieces of 256 bytes", () => {
    const desk = greetOnDesk();
    desk.receive(firstWindow(0), windowUpdate(0, 1_000_000), whole(1));
    answer(desk, 0, 400_000);
    for (let count = 0; count < 1_100; count++) desk.receive(windowUpdate(1, 256));
    expect(desk.closed).toEqual([]);
  });
});

describe("what a client sends after the answer", () => {
  const early = (fields = putNote) => {
    const desk = greetOnDesk();
    desk.receive(begun(1, fields));
    answer(desk, 0, 1, 404);
    return desk;
  };

  test("is waited for until a second has gone by", () => {
    const desk = early();
    desk.pass(999);
    expect(sent(desk)).toEqual(["headers:1", "data:1"]);
    desk.pass(1);
    expect(sent(desk)).toEqual(["reset:1(0)"]);
  });

  test.for([65_537, 2_000_000])(
    "is waited for even if it is declared to be large: %i",
    (length) => {
      const desk = early(withField("content-length", String(length), putNote));
      for (const size of [16_384, 16_384, 16_384, 16_383])
        desk.receive(frame(data, 0, 1, Buffer.alloc(size)));
      expect(sent(desk)).toEqual(["headers:1", "data:1"]);
      desk.pass(1_000);
      expect(sent(desk)).toEqual(["reset:1(0)"]);
    },
  );

  test("is dropped up to 64 small pieces", () => {
    const desk = early();
    for (let count = 0; count < 64; count++) desk.receive(frame(data, 0, 1, Buffer.of(0)));
    expect(sent(desk)).toEqual(["headers:1", "data:1"]);
    desk.receive(frame(data, 0, 1, Buffer.of(0)));
    expect(sent(desk)).toEqual(["reset:1(0)"]);
  });
});

test.for([
  { name: "nothing", fields: putNote, flags: 0, isBegun: false, frames: [] },
  { name: "100", fields: expecting(), flags: 0, isBegun: false, frames: ["headers:1"] },
  { name: "nothing more", fields: expecting(), flags: 0, isBegun: true, frames: ["headers:1"] },
  {
    name: "nothing, as all is here",
    fields: expecting(),
    flags: endStream,
    isBegun: false,
    frames: [],
  },
])("who asks for a body sends $name", ({ fields, flags, isBegun, frames }) => {
  const desk = greetOnDesk();
  desk.receive(begun(1, fields), frame(data, flags, 1, Buffer.of(0)));
  if (isBegun) desk.requests[0]?.begin({ status: 200, headers: {} }, []);
  desk.requests[0]?.openBody({ take: () => true, end() {} });
  while (desk.endTurn());
  expect(sent(desk)).toEqual(frames);
});

function expecting() {
  return withField("expect", "100-continue", putNote);
}

describe("a connection", () => {
  test("has 100 streams open, also if nothing works for them any more", () => {
    const desk = greetOnDesk();
    desk.receive(firstWindow(0));
    for (let index = 0; index < 100; index++) {
      desk.receive(whole(2 * index + 1));
      answer(desk, index, 1);
      desk.requests[index]?.release();
    }
    desk.sent();
    desk.receive(whole(201));
    expect(sent(desk)).toEqual(["reset:201(7)"]);
    desk.receive(reset(1), whole(203));
    expect(sent(desk)).toEqual([]);
    expect(desk.requests).toHaveLength(101);
  });

  test("of a client that has all its requests open gets no further one", () => {
    const desk = greetOnDesk({ maxRequestsEach: 1 });
    desk.receive(whole(1), whole(3));
    expect(sent(desk)).toEqual(["reset:3(7)"]);
    desk.receive(reset(1), whole(5));
    expect(sent(desk)).toEqual([]);
  });

  test("may move two windows for each stream", () => {
    const desk = greetOnDesk();
    for (let id = 1; id < 100; id += 2) {
      desk.receive(whole(id), windowUpdate(id, 1), windowUpdate(0, 1));
    }
    expect(desk.closed).toEqual([]);
  });

  test("may lose a stream at once for each that was answered", () => {
    const desk = greetOnDesk();
    for (let index = 0; index < 300; index++) {
      const id = 4 * index + 1;
      desk.receive(Buffer.concat([whole(id), reset(id)]), whole(id + 2));
      answer(desk, 2 * index + 1, 1);
      for (const request of desk.requests.slice(-2)) request.release();
    }
    expect(desk.closed).toEqual([]);
  });

  test("that has closed has no answer and no request", () => {
    const desk = greetOnDesk({ maxUnsentBytes: 50_000 });
    desk.receive(whole(1), whole(3));
    let gone = 0;
    desk.requests[1]?.onGone(() => {
      gone += 1;
    });
    desk.isStuck = true;
    answer(desk, 0, 30_000);
    desk.session.hangUp();
    expect(gone).toBe(1);
    expect(desk.unsent.begin("192.0.2.2", () => undefined).hand(45_904)).toBe(true);
    expect(desk.told).toEqual([]);
  });

  test("counts what the system has not taken, and no longer what it has", () => {
    const desk = greetOnDesk({ maxUnsentBytes: 50_000 });
    desk.receive(whole(1), whole(3), whole(5));
    desk.isStuck = true;
    answer(desk, 0, 20_000);
    answer(desk, 1, 10_000);
    desk.take();
    const other = desk.unsent.begin("192.0.2.2", () => undefined);
    expect(other.hand(45_904)).toBe(true);
    other.end();
    answer(desk, 2, 10_000);
    desk.pass(250);
    expect(desk.told).toEqual([]);
    expect(desk.unsent.begin("192.0.2.3", () => undefined).hand(35_000)).toBe(false);
  });
});
