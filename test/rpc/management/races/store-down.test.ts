import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { callers, closeCallers } from "../../../support/api/callers.ts";
import { object, text } from "../../../support/api/json.ts";
import { refused } from "../../../support/api/refusals.ts";
import { gigi, methods } from "../../../support/api/setting.ts";
import { startServer } from "../../../support/server.ts";

test("I14: every protocol reports a store that is down; nothing is stored, and the store recovers by itself", async () => {
  const server = await startServer([]);
  onTestFinished(async () => {
    closeCallers();
    await server.close();
  });
  const call = (number: number, method: (typeof methods)[keyof typeof methods], request: object) =>
    callers[number % callers.length]?.call(server.url, method, request as never, {
      token: server.adminToken,
    });
  const addUser = async (number: number) => {
    const userName = `user-${number}`;
    const email = { email: `${userName}@giraffe.example` };
    const reply = await call(number, methods.addHumanUser, { userName, profile: gigi, email });
    return text(reply?.body?.userId);
  };
  const users = await Promise.all(callers.map((_, number) => addUser(number)));
  const update = () =>
    Promise.all(
      callers.map((_, number) =>
        call(number, methods.updateHumanProfile, {
          ...gigi,
          userId: users[number],
          nickName: "changed",
        }),
      ),
    );

  // Another process that keeps the database locked.
  const other = new DatabaseSync(join(server.folder, "giraffe.db"));
  other.exec("begin immediate");
  const refusals = await update();
  const { body } = (await call(0, methods.getHumanProfile, { userId: users[0] })) ?? {};
  other.exec("rollback");
  other.close();

  const want = {
    code: 14,
    text: "the store is not available",
    reason: "STORE_UNAVAILABLE",
    retryDelay: "1s",
  };
  for (const [number, caller] of callers.entries()) {
    expect(refusals[number]).toMatchObject(refused(caller, want));
    expect(refusals[number]?.headers.get("retry-after"), caller.name).toBe("1");
  }
  expect(object(body?.profile)).toMatchObject({ nickName: "Gi" });
  for (const reply of await update()) {
    expect(object(reply?.body?.details)).toMatchObject({ sequence: "2" });
  }
});
