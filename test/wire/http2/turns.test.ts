import { describe, expect, test } from "vitest";
import { frame, frameTypes } from "../../faults/frames.ts";
import { startEcho } from "../echo.ts";
import { framesOf, openRaw, type RawConnection } from "../raw.ts";
import { greeting, whole, withField } from "./support/requests.ts";
import { greetOnDesk } from "./support/session-on-desk.ts";

// A connection may send more than one turn of the event loop handles. Others do not have to wait for it.

const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1);
const unknown = withField(":path", "/unknown");

/** Before that a connection waits for its turn, with what it has sent. */
async function greet(connection: RawConnection): Promise<void> {
  connection.send(greeting);
  await connection.until(/^./s);
}

describe("connections that have more to be handled than fits into a turn", () => {
  test.for([
    { others: 0, requests: 16 },
    { others: 31, requests: 8 },
    { others: 4_000, requests: 1 },
  ])("$requests requests a turn beside $others others", ({ others, requests }) => {
    const desk = greetOnDesk();
    for (let other = 0; other < others; other++) desk.busy.add({});
    desk.session.receive(Buffer.concat(ids(40).map((id) => whole(id))));
    expect(desk.requests).toHaveLength(requests);
    desk.endTurn();
    expect(desk.requests.length).toBe(Math.min(40, 2 * requests));
    while (desk.endTurn());
    expect(desk.requests).toHaveLength(40);
    expect(desk.busy.size).toBe(others);
  });

  test("nothing of it is handled in turns in which new connections are taken", () => {
    const desk = greetOnDesk();
    desk.session.receive(Buffer.concat(ids(40).map((id) => whole(id))));
    desk.isTaking = true;
    for (let turns = 0; turns < 5; turns++) expect(desk.endTurn()).toBe(true);
    expect(desk.requests).toHaveLength(16);
    desk.isTaking = false;
    while (desk.endTurn());
    expect(desk.requests).toHaveLength(40);
  });

  test("one that closes is busy no more", () => {
    const desk = greetOnDesk();
    desk.session.receive(Buffer.concat(ids(40).map((id) => whole(id))));
    expect(desk.busy.size).toBe(1);
    desk.session.hangUp();
    expect(desk.busy.size).toBe(0);
  });
});

test("of two connections of a client that have too much waiting together, one is closed", async () => {
  const maxUnhandledBytesEach = 40_000;
  const reasons: string[] = [];
  await using server = await startEcho(
    {},
    {
      clientLimits: { maxUnhandledBytesEach },
      observeClose: ({ reason }) => reasons.push(reason),
    },
  );
  using first = await openRaw(server.port);
  using second = await openRaw(server.port);
  await Promise.all([first, second].map(greet));
  const flood = Buffer.concat(ids(800).map((id) => whole(id, unknown)));
  expect(flood.byteLength).toBeGreaterThan(maxUnhandledBytesEach / 2);
  expect(flood.byteLength).toBeLessThan(65_536);
  for (const each of [first, second]) each.send(flood);
  const closed = await Promise.race([
    first.closed().then(() => first),
    second.closed().then(() => second),
  ]);
  expect(reasons).toEqual(["too_much_waiting"]);
  const other = closed === first ? second : first;
  const answered = () => new Set(framesOf(other.received).map(({ streamId }) => streamId)).size - 1;
  await expect.poll(answered).toBe(800);
});

test.for([
  { name: "a frame", bytes: Buffer.from([0, 0x40, 0, 0, 1, 0, 0, 0, 1]) },
  { name: "a field block", bytes: frame(frameTypes.headers, 0, 1, Buffer.alloc(16_000, 0x82)) },
])("of many connections that begin $name and do not go on, some are closed", async ({ bytes }) => {
  const reasons: string[] = [];
  await using server = await startEcho(
    {},
    {
      clientLimits: { maxUnhandledBytesEach: 100_000 },
      observeClose: ({ reason }) => reasons.push(reason),
    },
  );
  const connections = await Promise.all(Array.from({ length: 12 }, () => openRaw(server.port)));
  await Promise.all(connections.map(greet));
  for (const each of connections) each.send(bytes);
  await expect.poll(() => reasons.length).toBe(6);
  expect(new Set(reasons)).toEqual(new Set(["too_much_waiting"]));
  for (const each of connections) each[Symbol.dispose]();
});
