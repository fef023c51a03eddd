import { describe, expect, test } from "vitest";
import type { BodyReader } from "../../../src/wire/http/exchange.ts";
import { frame, frameFlags, frameTypes, reset } from "../../faults/frames.ts";
import { begun, whole, withField } from "./support/requests.ts";
import { type DeskSession, greetOnDesk } from "./support/session-on-desk.ts";

// What becomes of the body of a request: who gets it, what it may hold, and what its client may still send.

const { data, goAway, windowUpdate } = frameTypes;
const { endStream, padded } = frameFlags;

const send = (desk: DeskSession, id: number, bytes: number, flags = 0) =>
  desk.receive(frame(data, flags, id, Buffer.alloc(bytes)));

const words: Readonly<Record<number, string>> = {
  [windowUpdate]: "credit",
  [frameTypes.reset]: "reset",
  [goAway]: "goAway",
};

/** Windows that grow, streams that are reset, and the end of the connection, with their numbers. */
const sent = (desk: DeskSession) =>
  desk
    .sent()
    .filter(({ type }) => type in words)
    .map(({ type, streamId, payload }) =>
      [words[type], streamId, payload.readUInt32BE(type === goAway ? 4 : 0)].join(" "),
    );

type Read = BodyReader & { readonly pieces: number[]; ends: number };

/** A reader that notes what it gets. @param wantsMore What it says to each piece. */
function read(wantsMore = true): Read {
  const pieces: number[] = [];
  const reader: Read = {
    pieces,
    ends: 0,
    take: (piece) => {
      pieces.push(piece.byteLength);
      return wantsMore;
    },
    end: () => {
      reader.ends += 1;
    },
  };
  return reader;
}

const answer = ({ requests }: DeskSession) =>
  requests[0]?.respond({ status: 200, headers: {}, body: Buffer.from("ok") }, []);

describe("a client may send", () => {
  test("all that the window of a stream has, and not a byte more", () => {
    const desk = greetOnDesk();
    desk.receive(begun(1));
    for (const bytes of [16_384, 16_384, 16_384, 16_383]) send(desk, 1, bytes);
    expect(sent(desk)).toEqual([]);
    send(desk, 1, 1);
    expect(sent(desk)).toEqual(["goAway 0 3"]);
  });

  test("more once somebody reads what has come", () => {
    const desk = greetOnDesk();
    desk.receive(begun(1));
    for (let count = 0; count < 3; count++) send(desk, 1, 16_000);
    desk.requests[0]?.openBody(read());
    desk.endTurn();
    expect(sent(desk)).toEqual(["credit 1 48000"]);
    for (let count = 0; count < 3; count++) send(desk, 1, 16_000);
    expect(sent(desk)).toEqual(["credit 1 48000"]);
  });

  test("no more while its reader wants none", () => {
    const desk = greetOnDesk();
    desk.receive(begun(1));
    for (let count = 0; count < 3; count++) send(desk, 1, 16_000);
    desk.requests[0]?.openBody(read(false));
    desk.endTurn();
    expect(sent(desk)).toEqual([]);
    send(desk, 1, 16_000);
    expect(sent(desk)).toEqual([]);
    desk.requests[0]?.resumeBody();
    desk.endTurn();
    expect(sent(desk)).toEqual(["credit 1 64000"]);
  });

  test.for([
    { name: "the body is whole", end: (desk: DeskSession) => send(desk, 1, 16_000, endStream) },
    { name: "the request is answered", end: answer },
  ])("no more when $name", ({ end }) => {
    const desk = greetOnDesk();
    desk.receive(begun(1));
    desk.requests[0]?.openBody(read(false));
    for (let count = 0; count < 3; count++) send(desk, 1, 16_000);
    end(desk);
    desk.requests[0]?.resumeBody();
    desk.endTurn();
    expect(sent(desk)).toEqual([]);
  });
});

describe("whoever reads a body", () => {
  test("gets no empty pieces", () => {
    const desk = greetOnDesk();
    const reader = read();
    const padding = frame(data, padded, 1, Buffer.of(3, 0, 0, 0));
    desk.receive(begun(1), padding, frame(data, 0, 1, Buffer.alloc(7)));
    desk.requests[0]?.openBody(reader);
    desk.receive(padding, frame(data, endStream, 1));
    expect(reader).toMatchObject({ pieces: [7], ends: 1 });
  });

  test("may answer before it has read all that came", () => {
    const desk = greetOnDesk();
    desk.receive(begun(1), frame(data, endStream, 1, Buffer.alloc(7)));
    const reader = read();
    desk.requests[0]?.openBody({ ...reader, take: () => answer(desk) === undefined });
    while (desk.endTurn());
    expect(reader.ends).toBe(0);
    expect(desk.told).toEqual([]);
  });

  test("gets nothing after the answer", () => {
    const desk = greetOnDesk();
    desk.receive(begun(1), frame(data, 0, 1, Buffer.alloc(7)));
    answer(desk);
    const reader = read();
    desk.requests[0]?.openBody(reader);
    desk.receive(frame(data, endStream, 1, Buffer.alloc(7)));
    expect(reader).toMatchObject({ pieces: [], ends: 0 });
  });

  test("late, does not keep what came with it", () => {
    const desk = greetOnDesk();
    const kept: Buffer[] = [];
    desk.receive(begun(1), frame(data, endStream, 1, Buffer.alloc(1)));
    desk.requests[0]?.openBody({ take: (piece) => kept.push(piece) > 0, end() {} });
    expect(kept.map(({ buffer }) => buffer.byteLength)).toEqual([1]);
  });
});

describe("the room of a body", () => {
  // The first body gets its room in any case.
  const limits = { maxBodyBytesEach: 65_535 };

  test("is not needed for 4 KiB", () => {
    const desk = greetOnDesk(limits);
    for (const id of [1, 3, 5]) desk.receive(begun(id), frame(data, 0, id, Buffer.alloc(4_096)));
    expect(sent(desk)).toEqual([]);
    send(desk, 1, 1);
    send(desk, 3, 1);
    expect(sent(desk)).toEqual(["reset 3 11"]);
  });

  test.for([
    { name: "the client resets the stream", end: (desk: DeskSession) => desk.receive(reset(1)) },
    { name: "the server does", end: (desk: DeskSession) => desk.requests[0]?.abort() },
    { name: "the body is whole", end: (desk: DeskSession) => send(desk, 1, 0, endStream) },
  ])("is free again when $name", ({ end }) => {
    const desk = greetOnDesk(limits);
    desk.receive(begun(1));
    send(desk, 1, 5_000);
    end(desk);
    while (desk.endTurn());
    desk.sent();
    desk.receive(begun(3));
    send(desk, 3, 5_000);
    expect(sent(desk)).toEqual([]);
  });
});

test("a request without content must have none", () => {
  const desk = greetOnDesk();
  desk.receive(begun(1, withField("content-length", "0")));
  send(desk, 1, 1);
  expect(sent(desk)).toEqual(["reset 1 1"]);
});

describe("of a stream that the server has reset, a client may send what was on its way", () => {
  const piece = (flags: number) => frame(data, flags, 1, Buffer.alloc(7));
  test.for([
    { name: "DATA", last: piece(endStream) },
    { name: "trailers", last: whole(1, [["x", "y"]]) },
  ])("up to its end, here $name, and no more", ({ last }) => {
    const desk = greetOnDesk();
    desk.receive(begun(1));
    desk.requests[0]?.abort();
    desk.receive(piece(0), piece(0), last);
    expect(sent(desk)).toEqual(["reset 1 8"]);
    desk.receive(last);
    expect(sent(desk)).toEqual(["goAway 0 5"]);
  });
});
