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

const headOf = (method: string) =>
  headerBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", `/echo.v1.EchoService/${method}`],
    [":authority", "a"],
    ["content-type", "application/grpc"],
  ]);

test("others are served between the messages of a stream, however many come at once", async () => {
  let handled = 0;
  await using server = await startEcho({
    async *talk(notes) {
      for await (const _ of notes) handled += 1;
      yield { text: "done" };
    },
  });
  using connection = await openRaw(server.port);
  const head = headOf("Talk");
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
});

test("streams begin one in each turn, and those that are reset before are never begun", async () => {
  const begun: string[] = [];
  await using server = await startEcho({
    async *spread(note) {
      begun.push(note.id);
      yield { text: "done" };
    },
  });
  using connection = await openRaw(server.port);
  const head = headOf("Spread");
  const ids = Array.from({ length: 50 }, (_, index) => 1 + 2 * index);
  const open = (id: number) => [
    http2Frame(frameTypes.headers, frameFlags.endHeaders, id, head),
    http2Frame(frameTypes.data, frameFlags.endStream, id, envelope(binaryNote({ id: `${id}` }))),
  ];
  const canceled = Buffer.from([0, 0, 0, 8]);
  const resets = ids.slice(10).map((id) => http2Frame(frameTypes.reset, 0, id, canceled));
  connection.send(Buffer.concat([http2Opening, ...ids.flatMap(open), ...resets]));
  await expect.poll(() => begun.length).toBeGreaterThanOrEqual(10);
  await sleep(50);
  expect(begun.slice(0, 10)).toEqual(ids.slice(0, 10).map(String));
  // Those that began before the resets were read.
  expect(begun.length).toBeLessThan(15);
});
