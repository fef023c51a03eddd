import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { callers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { gigi, methods, type Setting, startSetting } from "../../support/api/setting.ts";

const { updateProfiles } = UserService.method;

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** Details and profile, as GetHumanProfile returns them. */
const read = async (userId: string, organization?: string) => {
  const where = organization === undefined ? {} : { "x-zitadel-orgid": organization };
  const { details, profile } = await setting.readProfile(userId, where);
  return { sequence: Number(object(details).sequence), ...object(profile) };
};
const addUsers = (size: number) =>
  Promise.all(Array.from({ length: size }, () => setting.addUser()));
const nick = (userId: string, nickName: string, more: JsonObject = {}): JsonObject => ({
  userId,
  updateMask: "nickName",
  profile: { nickName },
  ...more,
});
const atOnce = { allOrNothing: true };

/** Sends updates over the protocol of a caller. */
const sendOver =
  (caller: (typeof callers)[number]) =>
  (
    updates: readonly JsonObject[],
    more: JsonObject = {},
    headers: Record<string, string> = {},
    token = setting.tokens.owner,
  ) =>
    caller.call(
      setting.url,
      updateProfiles,
      { updates: [...updates], ...more },
      { token, headers },
    );
/** The outcomes: a sequence, or the reason of a refusal. */
const outcomesOver =
  (send: ReturnType<typeof sendOver>) =>
  async (...args: Parameters<typeof send>) => {
    const { body, message } = await send(...args);
    if (body === undefined) throw new Error(message);
    return list(body.results).map((result) => outcomeOf(object(result)));
  };
const outcomeOf = ({ details, error }: Record<string, unknown>) => {
  if (details !== undefined) return Number(object(details).sequence);
  const infos = list(object(error).details).map(object);
  return infos.find((detail) => text(detail["@type"]).endsWith("ErrorInfo"))?.reason;
};

describe.for(callers)("UpdateProfiles over $name", (caller) => {
  const send = sendOver(caller);
  const outcomes = outcomesOver(send);

  for (const [way, more] of [
    ["each by itself", {}],
    ["all or nothing", atOnce],
  ] as const) {
    describe(way, () => {
      test("changes what each update names, under its own condition", async () => {
        const [one = "", two = "", three = ""] = await addUsers(3);
        const whole = {
          firstName: "Zoe",
          lastName: "Okapi",
          displayName: "Zoe O.",
          gender: "GENDER_DIVERSE",
        };
        const updates = [
          nick(one, "One", { expectedSequence: "1" }),
          { userId: two, profile: whole },
          { userId: three, updateMask: "gender,displayName", profile: { displayName: "Three" } },
        ];
        const { body, headers } = await send(updates, more);
        const details = {
          sequence: "2",
          creationDate: expect.any(String),
          changeDate: expect.any(String),
          resourceOwner: setting.organizations.own,
          changed: true,
        };
        expect(body).toEqual({
          results: [one, two, three].map((userId) => ({ userId, details })),
        });
        expect(headers.get("etag")).toBeNull();
        expect(await read(one)).toEqual({ sequence: 2, ...gigi, nickName: "One" });
        expect(await read(two)).toEqual({ sequence: 2, ...whole, preferredLanguage: "und" });
        const { gender: _, ...rest } = gigi;
        expect(await read(three)).toEqual({ sequence: 2, ...rest, displayName: "Three" });
      });

      test("is written to the history, with the caller and the id of the call", async () => {
        const [one = "", two = ""] = await addUsers(2);
        const { headers } = await send([nick(one, "N"), nick(two, "N")], more);
        for (const userId of [one, two]) {
          const { changes } = await setting.call(UserService.method.listChanges, {
            userId,
            limit: 1,
          });
          expect(list(changes).map(object)).toMatchObject([
            {
              sequence: "2",
              eventType: "user.human.profile.changed",
              editorId: expect.stringMatching(/^\d{18}$/),
              requestId: headers.get("x-request-id"),
              fields: [{ field: "profile.nick_name", before: "Gi", after: "N" }],
            },
          ]);
        }
      });

      test("refuses as UpdateHumanProfile does, word for word, in the language of the caller", async () => {
        const [same = "", stale = "", blank = "", masked = ""] = await addUsers(4);
        const rows: [JsonObject, Record<string, string>, JsonObject][] = [
          [{ userId: same, profile: gigi }, {}, {}],
          [
            { userId: stale, profile: { ...gigi, nickName: "N" } },
            { "if-match": '"7"' },
            { expectedSequence: "7" },
          ],
          [
            { userId: blank, profile: { ...gigi, firstName: "", nickName: "x".repeat(201) } },
            {},
            {},
          ],
          [
            { userId: masked, profile: gigi },
            { "x-giraffe-update-mask": "color" },
            { updateMask: "color" },
          ],
          [{ userId: setting.users.unknown, profile: gigi }, {}, {}],
          [{ userId: setting.users.removed, profile: gigi }, {}, {}],
          [{ userId: setting.users.machine, profile: gigi }, {}, {}],
        ];
        const german = { "accept-language": "de" };
        const { body } = await send(
          rows.map(([update, , condition]) => ({ ...update, ...condition })),
          more,
          german,
        );
        const results = list(body?.results).map(object);
        for (const [place, [{ userId, profile }, headers]] of rows.entries()) {
          const single = await caller.call(
            setting.url,
            methods.updateHumanProfile,
            { userId: userId as string, ...(profile as JsonObject) },
            { token: setting.tokens.owner, headers: { ...german, ...headers } },
          );
          const { code, message, details } = object(results[place]?.error);
          expect(results[place]?.userId).toBe(userId);
          expect({ code, message }).toEqual({ code: single.code, message: single.message });
          expect(list(details)).toEqual(
            single.details.map(({ type, value }) => ({
              "@type": `type.googleapis.com/${type}`,
              ...value,
            })),
          );
        }
        expect(await read(same)).toMatchObject({ sequence: 1 });
      });

      test("a dry run says what would come of it, and stores nothing", async () => {
        const [one = "", two = ""] = await addUsers(2);
        for (const [body, header] of [
          [{ ...more, validateOnly: true }, {}],
          [more, { "x-giraffe-validate-only": "true" }],
        ] as [JsonObject, Record<string, string>][]) {
          const reply = await send([nick(one, "One"), nick(two, "Two")], body, header);
          expect(list(reply.body?.results)).toMatchObject([
            { details: { sequence: "1", changed: true } },
            { details: { sequence: "1", changed: true } },
          ]);
          expect(reply.headers.get("x-giraffe-validated")).toBe("true");
        }
        const refused = await outcomes([nick(one, gigi.nickName)], { ...more, validateOnly: true });
        expect(refused).toEqual(["PROFILE_NOT_CHANGED"]);
        expect(await read(one)).toMatchObject({ sequence: 1, nickName: "Gi" });
      });

      test("no change is a success for those who allow it", async () => {
        const [same = "", other = ""] = await addUsers(2);
        const updates = [nick(same, gigi.nickName), nick(other, "Other")];
        const reply = await send(updates, { ...more, allowUnchanged: true });
        expect(list(reply.body?.results)).toMatchObject([
          { details: { sequence: "1" } },
          { details: { sequence: "2", changed: true } },
        ]);
        const header = await send([nick(same, gigi.nickName)], more, {
          "x-giraffe-allow-unchanged": "true",
        });
        expect(header.headers.get("x-giraffe-changed")).toBe("false");
        expect(await outcomes([nick(same, gigi.nickName)], more)).toEqual(["PROFILE_NOT_CHANGED"]);
      });

      test("nobody is changed by those who may not", async () => {
        const [mine = ""] = await addUsers(1);
        const { tokens, organizations } = setting;
        const theirs = await setting.addUser(gigi, { "x-zitadel-orgid": organizations.other });
        const updates = [nick(mine, "M"), nick(theirs, "F"), nick("1", "U")];
        const by = async (token: string) => (await outcomes(updates, more, {}, token)).join(" ");
        expect(await by(tokens.viewer)).toBe(
          "USER_PERMISSION_MISSING MEMBERSHIP_NOT_FOUND MEMBERSHIP_NOT_FOUND",
        );
        expect(await by(tokens.outsider)).toBe(
          `MEMBERSHIP_NOT_FOUND ${way === "all or nothing" ? "BATCH_NOT_STORED" : "2"} MEMBERSHIP_NOT_FOUND`,
        );
        expect(await read(mine)).toMatchObject({ sequence: 1 });
        expect((await send(updates, more, {}, tokens.garbage)).code).toBe(16);
      });

      test("one call changes users of several organizations", async () => {
        const [mine = ""] = await addUsers(1);
        const { other, own } = setting.organizations;
        const theirs = await setting.addUser(gigi, { "x-zitadel-orgid": other });
        const { body } = await send([nick(mine, "M"), nick(theirs, "T")], more);
        expect(list(body?.results)).toMatchObject([
          { details: { resourceOwner: own } },
          { details: { resourceOwner: other } },
        ]);
        const byEditor = await outcomes(
          [nick(mine, "E"), nick(theirs, "E")],
          more,
          {},
          setting.tokens.editor,
        );
        expect(byEditor).toEqual([
          way === "all or nothing" ? "BATCH_NOT_STORED" : 3,
          "MEMBERSHIP_NOT_FOUND",
        ]);
      });

      test("a repeat with its key gets the same answer to the byte, and changes nothing", async () => {
        const [one = "", two = "", three = ""] = await addUsers(3);
        const key = { "idempotency-key": randomUUID() };
        const updates = [nick(one, "One"), nick(two, "Two", { expectedSequence: "1" })];
        const refusedToo = way === "each by itself" ? [nick(three, gigi.nickName)] : [];
        const first = await send([...updates, ...refusedToo], more, key);
        expect(first.headers.get("idempotent-replayed")).toBeNull();
        await setting.call(methods.updateHumanProfile, {
          userId: one,
          ...gigi,
          nickName: "theirs",
        });
        await setting.call(methods.updateHumanProfile, { userId: three, ...gigi, nickName: "3" });
        const again = await send([...updates, ...refusedToo], more, key);
        expect(again.headers.get("idempotent-replayed")).toBe("true");
        expect(again.body).toEqual(first.body);
        expect(await read(one)).toMatchObject({ sequence: 3, nickName: "theirs" });
        expect(await read(three)).toMatchObject({ sequence: 2 });
        const other = await send([nick(three, "Three")], more, key);
        const otherWay = await send(updates, way === "each by itself" ? atOnce : {}, key);
        for (const { code, details } of [other, otherWay])
          expect([code, details[0]?.value.reason]).toEqual([3, "IDEMPOTENCY_KEY_REUSED"]);
      });

      test("many repeats at once are one change", async () => {
        const users = await addUsers(3);
        const key = { "idempotency-key": randomUUID() };
        const batches = await Promise.all(
          [1, 2].map(() =>
            send(
              users.map((userId) => nick(userId, "once")),
              more,
              key,
            ),
          ),
        );
        expect(batches[0]?.body).toEqual(batches[1]?.body);
        for (const userId of users) expect(await read(userId)).toMatchObject({ sequence: 2 });
      });

      test.for<{ name: string; updates: () => JsonObject[] }>([
        { name: "nobody", updates: () => [] },
        { name: "a user twice", updates: () => [nick("7", "A"), nick("8", "B"), nick("7", "C")] },
        {
          name: "1,001 users",
          updates: () => Array.from({ length: 1_001 }, (_, n) => nick(`${n}`, "")),
        },
      ])("refuses $name", async ({ updates }) => {
        const reply = await send(updates(), more);
        const wanted = reply.code === 8 ? "MESSAGE_TOO_LARGE" : "BATCH_INVALID";
        expect(reply.details[0]?.value.reason).toBe(wanted);
      });

      test("a version for all, or a mask for all, is refused", async () => {
        const [userId = ""] = await addUsers(1);
        for (const headers of [{ "if-match": '"1"' }, { "x-giraffe-update-mask": "nick_name" }]) {
          const reply = await send([nick(userId, "N")], more, headers as Record<string, string>);
          expect([reply.code, reply.details[0]?.value.reason]).toEqual([12, "FIELD_NOT_SUPPORTED"]);
        }
        expect(await read(userId)).toMatchObject({ sequence: 1 });
      });
    });
  }

  test("each by itself: some are refused, and the others are stored", async () => {
    const [one = "", two = "", three = ""] = await addUsers(3);
    const updates = [
      nick(one, "One"),
      nick(two, "Two", { expectedSequence: "2" }),
      nick(three, "x".repeat(201)),
    ];
    expect(await outcomes(updates)).toEqual([2, "VERSION_MISMATCH", "FIELD_INVALID"]);
    expect(await read(one)).toMatchObject({ nickName: "One" });
    expect(await read(two)).toMatchObject({ nickName: "Gi" });
  });

  test.for<{ name: string; bad: JsonObject; reason: string }>([
    { name: "has another version", bad: { expectedSequence: "2" }, reason: "VERSION_MISMATCH" },
    {
      name: "would not change",
      bad: { profile: { nickName: "Gi" } },
      reason: "PROFILE_NOT_CHANGED",
    },
    {
      name: "breaks a rule",
      bad: { profile: { nickName: "x".repeat(201) } },
      reason: "FIELD_INVALID",
    },
    { name: "is unknown", bad: { userId: "1" }, reason: "PROFILE_NOT_FOUND" },
  ])("all or nothing: nothing is stored if one $name", async ({ bad, reason }) => {
    const [one = "", two = "", three = ""] = await addUsers(3);
    const updates = [nick(one, "One"), { ...nick(two, "Two"), ...bad }, nick(three, "Three")];
    const key = { "idempotency-key": randomUUID() };
    const want = ["BATCH_NOT_STORED", reason, "BATCH_NOT_STORED"];
    expect(await outcomes(updates, atOnce)).toEqual(want);
    expect(await outcomes(updates, atOnce, key)).toEqual(want);
    expect(await outcomes(updates, atOnce, key)).toEqual(want);
    for (const userId of [one, two, three])
      expect(await read(userId)).toMatchObject({ sequence: 1 });
  });
});

describe("UpdateProfiles", () => {
  const [grpc] = callers as [(typeof callers)[number]];
  const send = sendOver(grpc);
  const outcomes = outcomesOver(send);

  test.for<JsonObject>([{}, atOnce])("a thousand users fit into one message: %s", async (more) => {
    const users = await addUsers(1_000);
    const reply = await send(
      users.map((userId) => nick(userId, "thousand")),
      more,
    );
    expect(reply.message).toBe("");
    const sequences = list(reply.body?.results).map(
      (result) => object(object(result).details).sequence,
    );
    expect(sequences).toEqual(Array(1_000).fill("2"));
    expect(await read(users[999] ?? "")).toMatchObject({ nickName: "thousand" });
  });

  test("a caller has two batches at once, and others go on", async () => {
    const users = await addUsers(600);
    const batches = Array.from({ length: 6 }, (_, batch) =>
      send(
        users.slice(100 * batch, 100 * (batch + 1)).map((userId) => nick(userId, "N")),
        atOnce,
      ),
    );
    const replies = await Promise.all(batches);
    const refused = replies.filter(({ code }) => code !== 0);
    expect(refused.length).toBeGreaterThan(0);
    for (const { code, details } of refused) {
      expect([code, details[0]?.value.reason]).toEqual([8, "TOO_MANY_BATCHES"]);
      expect(details[1]).toEqual({ type: "google.rpc.RetryInfo", value: { retryDelay: "1s" } });
    }
    expect(replies.filter(({ code }) => code === 0).length).toBeGreaterThan(1);
    const [userId = ""] = users.slice(
      100 * replies.indexOf(refused[0] as (typeof replies)[number]),
    );
    expect((await send([nick(userId, "later")])).code).toBe(0);
  });

  test("batches and single calls on the same users lose nothing", async () => {
    const users = await addUsers(5);
    const rounds = 10;
    let refused = 0;
    const batches = async () => {
      for (let round = 0; round < rounds; round += 1) {
        const { body } = await send(
          users.map((userId) => nick(userId, `batch ${round}`)),
          atOnce,
        );
        if (object(list(body?.results)[0]).details === undefined) refused += 1;
      }
    };
    const singles = users.map(async (userId) => {
      for (let round = 0; round < rounds; round += 1) {
        await setting.call(methods.updateHumanProfile, {
          userId,
          ...gigi,
          nickName: `single ${round}`,
        });
      }
    });
    await Promise.all([batches(), ...singles]);
    const sequences = await Promise.all(users.map(async (userId) => (await read(userId)).sequence));
    expect(sequences).toEqual(users.map(() => 1 + 2 * rounds - refused));
    expect(refused).toBe(0);
  });

  // They wait until a changed role is noticed.
  test.concurrent.for([
    { way: "each by itself", more: {} },
    { way: "all or nothing", more: atOnce },
  ])(
    "$way, over gRPC: a repeat tells a caller who has lost the role no refusal that is kept",
    async ({ more }) => {
      const { own } = setting.organizations;
      const made = await setting.administer(
        ...["token", "create", "--name", randomUUID(), "--role", "ORG_OWNER", "--org", own],
      );
      const [one = "", two = ""] = await addUsers(2);
      const key = { "idempotency-key": randomUUID() };
      const updates = [nick(one, gigi.nickName), nick(two, "Two", { expectedSequence: "9" })];
      const by = () => outcomes(updates, more, key, text(made.secret));
      const refused = ["PROFILE_NOT_CHANGED", "VERSION_MISMATCH"];
      expect(await by()).toEqual(refused);
      expect(await by()).toEqual(refused);
      const subject = text(object(made.account).id);
      const member = ["--subject", subject, "--role", "ORG_OWNER", "--org", own];
      await setting.administer("member", "remove", ...member);
      const isRefused = async () => {
        const { code, body } = await send(updates, more, key, text(made.secret));
        return code === 5 || JSON.stringify(body).split("MEMBERSHIP_NOT_FOUND").length === 3;
      };
      await expect.poll(isRefused, { timeout: 8_000 }).toBe(true);
    },
  );
});
