import { setImmediate as turn } from "node:timers/promises";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { createContextValues, type HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  UpdateProfilesRequestSchema,
  UserService,
} from "../../../gen/giraffe/v1/user_service_pb.ts";
import { membershipsKey } from "../../../src/rpc/gate/standing.ts";
import { createUpdateProfiles } from "../../../src/rpc/giraffe/update-profiles.ts";
import { callers } from "../../support/api/callers.ts";
import { list } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import { startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";
import { membershipNotFound } from "../user/refusals.ts";

const method = UserService.method.updateProfiles;

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const nick = (userId: string, nickName: string): JsonObject => ({
  userId,
  updateMask: "nickName",
  profile: { nickName },
});

test.for(callers)(
  "over $name, a batch is refused whole if its caller has no role",
  async (caller) => {
    const id = await setting.addUser();
    const updates = [nick(id, "Own"), nick("1", "Unknown"), { userId: "2" }];
    for (const more of [{}, { allOrNothing: true }, { validateOnly: true }]) {
      for (const token of [setting.tokenOf(id), setting.tokenOf("stranger")]) {
        const { headers: _, ...reply } = await caller.call(
          setting.url,
          method,
          { updates, ...more },
          { token },
        );
        expect(reply).toEqual(refused(caller, membershipNotFound));
      }
    }
  },
);

test.for(callers)("over $name, no key is kept of who may change nobody", async (caller) => {
  const id = await setting.addUser();
  const headers = { "idempotency-key": `viewer-${caller.name.replaceAll(" ", "-")}` };
  const send = (updates: JsonObject[], token: string) =>
    caller.call(setting.url, method, { updates }, { token, headers });
  for (const nickName of ["A", "A", "B"]) {
    const reply = await send([nick(id, nickName)], setting.tokens.viewer);
    expect(reply.code).toBe(0);
    expect(reply.headers.get("idempotent-replayed")).toBeNull();
    expect(list(reply.body?.results)).toHaveLength(1);
  }
  await send([nick(id, "A")], setting.tokens.editor);
  const again = await send([nick(id, "A")], setting.tokens.editor);
  expect(again.headers.get("idempotent-replayed")).toBe("true");
});

test("a batch in which every update breaks all rules lets others have turns", async () => {
  const values = createContextValues().set(membershipsKey, [
    { organization: "1", role: "ORG_USER_SELF_MANAGER" } as never,
  ]);
  const context = {
    ...{ method, values, requestHeader: new Headers(), responseHeader: new Headers() },
    signal: new AbortController().signal,
  } as unknown as HandlerContext;
  const updates = Array.from({ length: 1_000 }, (_, place) => ({ userId: String(place) }));
  const request = create(UpdateProfilesRequestSchema, { updates });
  let turns = 0;
  let isDone = false;
  const others = (async () => {
    while (!isDone) {
      await turn();
      turns += 1;
    }
  })();
  const { results } = await createUpdateProfiles({} as never)(request, context);
  isDone = true;
  await others;
  expect(results).toHaveLength(1_000);
  // 10 for what is read and 10 for what is answered, less the first and the last ones.
  expect(turns).toBeGreaterThanOrEqual(18);
});
