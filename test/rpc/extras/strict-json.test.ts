/** `Prefer: handling=strict`, over every protocol. */

import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { gigi, methods, type Setting, startSetting } from "../../support/api/setting.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

const strict = { prefer: "handling=strict" };
const json = callers.filter(({ encoding }) => encoding === "json");
const binary = callers.filter(({ encoding }) => encoding === "protobuf");
const named = (list: typeof callers) => list.map((caller) => ({ caller, name: caller.name }));

describe.for(named(json))("$name", ({ caller }) => {
  const update = (userId: string, profile: JsonObject, headers: Record<string, string> = strict) =>
    caller.call(
      setting.url,
      methods.updateHumanProfile,
      { userId, ...profile },
      {
        token: setting.tokens.owner,
        headers,
      },
    );

  test("an unknown field is refused by name, with the one that was meant", async () => {
    const userId = await setting.addUser();
    const reply = await update(userId, { ...gigi, nickname: "N", gender: "GENDER_MAL", x: 1 });
    expect(reply).toMatchObject({ code: 3, status: 400 });
    expect(reply.message).toBe(
      '"gender": unknown value, did you mean "GENDER_MALE"?; ' +
        '"nickname": unknown field, did you mean "nickName"?; "x": unknown field',
    );
    expect(reply.details).toEqual([
      {
        type: "google.rpc.BadRequest",
        value: {
          fieldViolations: [
            {
              field: "gender",
              description: 'unknown value, did you mean "GENDER_MALE"?',
              reason: "VALUE_UNKNOWN",
            },
            {
              field: "nickname",
              description: 'unknown field, did you mean "nickName"?',
              reason: "FIELD_UNKNOWN",
            },
            { field: "x", description: "unknown field", reason: "FIELD_UNKNOWN" },
          ],
        },
      },
      { type: "google.rpc.ErrorInfo", value: { reason: "FIELD_UNKNOWN", domain: "giraffe" } },
    ]);
    expect(reply.headers.get("preference-applied")).toBe("handling=strict");
  });

  test("a long name is cut", async () => {
    const userId = await setting.addUser();
    const long = Object.fromEntries([..."abcdef"].map((letter) => [letter.repeat(9_000), 1]));
    const reply = await update(userId, { ...gigi, ...long });
    expect(reply.code).toBe(3);
    expect(Buffer.byteLength(reply.message)).toBeLessThan(500);
  });

  test("known fields pass, in both spellings, and the answer says that it was strict", async () => {
    const userId = await setting.addUser();
    const { nickName: _, ...rest } = gigi;
    const reply = await update(userId, { ...rest, nick_name: "N" });
    expect(reply.code, reply.message).toBe(0);
    expect(reply.headers.get("preference-applied")).toBe("handling=strict");
  });

  test("text that is no JSON is refused as such", async () => {
    const userId = await setting.addUser();
    const bytes = Buffer.from(`{"userId": "${userId}", "nickname": `);
    const reply = await caller.call(setting.url, methods.updateHumanProfile, bytes, {
      token: setting.tokens.owner,
      headers: strict,
    });
    expect(reply.details.at(-1)?.value.reason).toBe("MESSAGE_MALFORMED");
  });

  test.for(["handling=lenient", "return=minimal", "handling=srict"])(
    "unknown fields are ignored with Prefer: %s",
    async (prefer) => {
      const userId = await setting.addUser();
      const reply = await update(userId, { ...gigi, nickName: "N", firstname: "?" }, { prefer });
      expect(reply.code, reply.message).toBe(0);
      expect(reply.headers.get("preference-applied")).toBeNull();
    },
  );

  test("it works together with a mask, a version and a dry run", async () => {
    const userId = await setting.addUser();
    const headers = {
      ...strict,
      "x-giraffe-update-mask": "nick_name",
      "if-match": '"1"',
      "x-giraffe-validate-only": "true",
    };
    const reply = await update(userId, { nickName: "N" }, headers);
    expect(reply.headers.get("x-giraffe-validated")).toBe("true");
    const refused = await update(userId, { nickname: "N" }, { ...headers, "if-match": "abc" });
    expect(refused.details.at(-1)?.value.reason).toBe("FIELD_UNKNOWN");
  });
});

test.for(named(binary))("$name has no JSON, and takes no notice", async ({ caller }) => {
  const userId = await setting.addUser();
  const request = { userId, ...gigi, nickName: "N" };
  const options = { token: setting.tokens.owner, headers: strict };
  const reply = await caller.call(setting.url, methods.updateHumanProfile, request, options);
  expect(reply.code, reply.message).toBe(0);
  expect(reply.headers.get("preference-applied")).toBeNull();
});
