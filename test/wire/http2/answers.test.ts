import { describe, expect, test } from "vitest";
import { frame, frameFlags, frameTypes } from "../../faults/frames.ts";
import { describeFrame } from "./support/peer.ts";
import { begun, setting, whole } from "./support/requests.ts";
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
