import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { frameTypes, reset } from "../../faults/frames.ts";
import { startEcho } from "../echo.ts";
import { binaryNote } from "../speak.ts";
import { whole } from "./support/requests.ts";
import { type DeskSession, greetOnDesk } from "./support/session-on-desk.ts";

// Deadlines that pass in a slow moment make a client give up all its calls at once. It must not lose its connection.

const wave = (number: number) =>
  Array.from({ length: 100 }, (_, index) => 200 * number + 2 * index + 1);
const cancel = 8;

/** Begin 100 calls, and cancel them a moment later. The handlers notice. */
function cancelWave(desk: DeskSession, number: number): void {
  desk.receive(...wave(number).map((id) => whole(id)));
  desk.receive(...wave(number).map((id) => reset(id, cancel)));
  for (const request of desk.requests.splice(0)) request.release();
}

function lastWords(desk: DeskSession): string | undefined {
  return desk
    .sent()
    .findLast(({ type }) => type === frameTypes.goAway)
    ?.payload.toString("latin1", 8);
}

describe("calls that are cancelled", () => {
  test("2,000 at once pass if the server had begun with them, and then 200 a second", () => {
    const desk = greetOnDesk();
    for (let number = 0; number < 20; number++) cancelWave(desk, number);
    desk.pass(500);
    cancelWave(desk, 20);
    expect(desk.told).not.toContain("end");
    cancelWave(desk, 21);
    expect(lastWords(desk)).toBe("too_many_resets");
  });

  test("200 at once pass if they come before the server could begin", () => {
    const desk = greetOnDesk();
    for (const id of [...wave(0), ...wave(1)]) {
      desk.receive(whole(id), reset(id, cancel));
      for (const request of desk.requests.splice(0)) request.release();
    }
    expect(desk.told).not.toContain("end");
    desk.receive(whole(601), reset(601, cancel));
    expect(lastWords(desk)).toBe("too_many_resets");
  });

  test("an answered call makes up for one", () => {
    const desk = greetOnDesk();
    for (const [index, id] of [...wave(0), ...wave(1), ...wave(2), ...wave(3)].entries()) {
      desk.receive(index % 2 === 0 ? whole(id) : Buffer.concat([whole(id), reset(id, cancel)]));
      for (const request of desk.requests.splice(0)) {
        request.respond({ status: 204, headers: {} }, []);
        request.release();
      }
    }
    expect(desk.told).not.toContain("end");
  });

  test("while their handlers run on, 1,000 more are refused, so that they are sent again, and the connection lives", () => {
    const desk = greetOnDesk();
    desk.receive(...wave(0).map((id) => whole(id)));
    desk.receive(...wave(0).map((id) => reset(id, cancel)));
    for (let number = 1; number <= 10; number++) {
      desk.receive(...wave(number).map((id) => whole(id)));
    }
    const refused = desk.sent().filter(({ type }) => type === frameTypes.reset);
    expect(refused).toHaveLength(1_000);
    for (const { payload } of refused) expect(payload.readUInt32BE(0)).toBe(7);
    for (const request of desk.requests.splice(0)) request.release();
    desk.receive(whole(2_201));
    expect(desk.requests).toHaveLength(1);
  });
});

test("a client of gRPC that cancels 1,000 calls loses neither its connection nor one of its next 500", async () => {
  await using server = await startEcho({
    async echo(note, { signal }) {
      if (note.id !== "slow") return note;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return note;
    },
  });
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  const slow = Buffer.from(binaryNote({ id: "slow" }));
  const quick = Buffer.from(binaryNote({ id: "7" }));
  const call = (message: Buffer, done: (error: ServiceError | null) => void) =>
    client.makeUnaryRequest(
      "/echo.v1.EchoService/Echo",
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      message,
      done,
    );
  for (let number = 0; number < 10; number++) {
    const codes = Array.from({ length: 100 }, () => {
      const { promise, resolve } = Promise.withResolvers<number | undefined>();
      const begun = call(slow, (error) => resolve(error?.code));
      setTimeout(() => begun.cancel(), 20);
      return promise;
    });
    expect(new Set(await Promise.all(codes))).toEqual(new Set([1]));
  }
  const answers = Array.from({ length: 500 }, () => {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    call(quick, (error) => resolve(error?.code));
    return promise;
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([undefined]));
  expect(server.listener.load().connections).toBe(1);
  client.close();
});
