import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startEcho } from "../../echo.ts";
import {
  frameFlags,
  frameTypes,
  headerBlock,
  http2Frame,
  http2Opening,
  openRaw,
} from "../../raw.ts";
import { binaryNote, envelope } from "../../speak.ts";

test("others are served between the messages of a stream, however many come at once", async () => {
  let handled = 0;
  await using server = await startEcho({
    async *talk(notes) {
      for await (const _ of notes) handled += 1;
      yield { text: "done" };
    },
  });
  using connection = await openRaw(server.port);
  const head = headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/echo.v1.EchoService/Talk"],
    [":authority", "a"],
    ["content-type", "application/grpc"],
  ]);
  const message = envelope(binaryNote({ text: "a" }));
  const count = 3_000;
  const body = Buffer.concat(Array.from({ length: count }, () => message));
  const frames = [http2Frame(frameTypes.headers, frameFlags.endHeaders, 1, head)];
  for (let at = 0; at < body.length; at += 16_384) {
    const isLast = at + 16_384 >= body.length;
    const flag = isLast ? frameFlags.endStream : 0;
    frames.push(http2Frame(frameTypes.data, flag, 1, body.subarray(at, at + 16_384)));
  }
  let turns = 0;
  let most = 0;
  let before = 0;
  const look = () => {
    turns += 1;
    most = Math.max(most, handled - before);
    before = handled;
    if (handled < count) setImmediate(look);
  };
  setImmediate(look);
  connection.send(Buffer.concat([http2Opening, ...frames]));
  while (handled < count) await sleep(5);
  expect(turns).toBeGreaterThan(100);
  // Two turns of messages may lie between two looks.
  expect(most).toBeLessThanOrEqual(32);
}, 60_000);
