import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Caller, callers, closeCallers } from "../../../support/api/callers.ts";
import { list, object, text } from "../../../support/api/json.ts";
import { gigi, type Method, methods } from "../../../support/api/setting.ts";
import { newPostgresDatabase } from "../../../support/postgres-database.ts";
import { startServer, type TestServer } from "../../../support/server.ts";

const base64 = (value: string) => Buffer.from(value).toString("base64");

describe("two servers on one database", () => {
  test("lose no change of one user's metadata, and no limit is passed", async () => {
    const first = await startServer([], undefined, await newPostgresDatabase());
    const second = await startServer([], first.folder, first.database);
    onTestFinished(async () => {
      closeCallers();
      await second.stop();
      await first.close();
    });
    const call = async (number: number, method: Method, request: JsonObject) => {
      const { url } = [first, second][number % 2] as TestServer;
      const caller = callers[number % callers.length] as Caller;
      return caller.call(url, method, request, { token: first.adminToken });
    };
    const added = await call(0, methods.importHumanUser, {
      userName: "gigi",
      profile: gigi,
      email: { email: "gigi@giraffe.example" },
    });
    const id = text(added.body?.userId);
    const full = Array.from({ length: 970 }, (_, index) => ({
      key: `full ${index}`,
      value: "MQ==",
    }));
    await call(0, methods.bulkSetUserMetadata, { id, metadata: full });

    /** Two writers at each server, each with keys of its own, and one key that all of them want. */
    const writer = async (number: number) => {
      const tooMany: number[] = [];
      for (let round = 0; round < 12; round += 1) {
        const value = base64(`${number} ${round}`);
        const metadata = [
          { key: `own ${number} ${round}`, value },
          { key: "full 0", value },
        ];
        const { code, body } = await call(number, methods.bulkSetUserMetadata, { id, metadata });
        if (code === 9) tooMany.push(round);
        else expect(Number(object(body?.details).sequence)).toBeGreaterThan(970);
      }
      return tooMany.length;
    };
    const profiles = async (number: number) => {
      for (let round = 0; round < 12; round += 1) {
        const profile = { ...gigi, nickName: `${number} ${round}` };
        const { code } = await call(number, methods.updateHumanProfile, { userId: id, ...profile });
        expect(code).toBe(0);
      }
    };
    const [refused] = await Promise.all([
      Promise.all([0, 1, 2, 3].map(writer)),
      Promise.all([0, 1].map(profiles)),
    ]);

    const limit = { query: { limit: 1_000, asc: true } };
    const { body } = await call(1, methods.listUserMetadata, { id, ...limit });
    const own = list(body?.result)
      .map(object)
      .filter(({ key }) => text(key).startsWith("own"));
    expect(object(body?.details).totalResult).toBe("1000");
    expect(own).toHaveLength(30);
    expect(refused.reduce((sum, each) => sum + each)).toBe(4 * 12 - 30);
    for (const { key, value } of own) expect(base64(text(key).slice(4))).toBe(value);
    const changes = await call(0, methods.getHumanProfile, { userId: id });
    expect(Number(object(changes.body?.details).sequence)).toBe(1 + 970 + 2 * 30 + 2 * 12);
  });
});
