/** Who has no role where a user lives learns nothing of it by v2 and by our own calls, and changes nothing. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService as GiraffeUserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import {
  gigi,
  methods,
  startUserSetting,
  type UserSetting,
} from "../../support/api/user-setting.ts";
import { membershipNotFound } from "./refusals.ts";

const entry = { key: "secret", value: Buffer.from("of own").toString("base64") };
const phone = "+41449999999";
const userName = "hidden";
const email = "hidden@giraffe.example";

let setting: UserSetting;
/** Humans of the first organization, in every state. */
let humans: Record<"active" | "inactive" | "locked", string>;
/** By what they call with: an owner of the other organization, and people without a role. */
let tokens: Record<"owner of another organization" | "person there" | "person here", string>;

beforeAll(async () => {
  setting = await startUserSetting();
  const { call, addUser, tokenOf, organizations } = setting;
  const add = async (username: string) => {
    const human = { profile: gigi, email: { email, isVerified: true }, phone: { phone } };
    const request = { organizationId: organizations.own, username, human };
    const userId = text((await call(methods.createUser, request)).id);
    await call(methods.setUserMetadata, { userId, metadata: [entry] });
    return userId;
  };
  humans = {
    active: await add(userName),
    inactive: await add(`in${userName}`),
    locked: await add(`un${userName}`),
  };
  await call(methods.deactivateUser, { userId: humans.inactive });
  await call(methods.lockUser, { userId: humans.locked });
  tokens = {
    "owner of another organization": setting.tokens.outsider,
    "person there": tokenOf(await addUser(undefined, { "x-zitadel-orgid": organizations.other })),
    "person here": tokenOf(await addUser()),
  };
});
afterAll(() => setting.close());

const profile = { givenName: "Changed", familyName: "Okapi" };
const metadata = [{ key: "secret", value: Buffer.from("changed").toString("base64") }];

const ours = GiraffeUserService.method;

type Call = readonly [method: DescMethodUnary, fields: JsonObject];

/** Every call that names a user. */
const calls: readonly Call[] = [
  [methods.getUserByID, {}],
  [methods.updateUser, { human: {} }],
  [methods.updateUser, { username: "taken", human: { profile } }],
  [methods.updateUser, { human: { email: { email: "o@k.example", isVerified: true } } }],
  [methods.updateUser, { human: { phone: { phone: "" } } }],
  [methods.updateUser, { human: {}, metadata }],
  [methods.updateHumanUser, {}],
  [methods.updateHumanUser, { username: "taken", profile, email: { email: "o@k.example" } }],
  [methods.setEmail, { email }],
  [methods.setEmail, { email: "o@k.example", isVerified: true }],
  [methods.setPhone, { phone }],
  [methods.setPhone, { phone: "+41441234567", isVerified: true }],
  [methods.removePhone, {}],
  [methods.deactivateUser, {}],
  [methods.reactivateUser, {}],
  [methods.lockUser, {}],
  [methods.unlockUser, {}],
  [methods.deleteUser, {}],
  [methods.setUserMetadata, { metadata }],
  [methods.deleteUserMetadata, { keys: ["secret"] }],
  [methods.deleteUserMetadata, { keys: ["none"] }],
  [methods.listUserMetadata, {}],
  [ours.eraseUser, {}],
  [ours.listChanges, {}],
  [ours.listChanges, { fields: ["profile.first_name"], ascending: true }],
];

test("every method of v2 and of our own is called here", () => {
  const named = [...calls.map(([method]) => method), ...creations.map(([method]) => method)];
  expect(new Set([...named, methods.listUsers, ours.updateProfiles])).toEqual(
    new Set([...Object.values(methods), ...Object.values(ours)]),
  );
});

/** Everything that a client can see of a reply, except its time. */
function visible({ headers, ...reply }: Reply) {
  const entries = [...headers].filter(([name]) => name !== "date" && name !== "x-request-id");
  return { ...reply, headers: Object.fromEntries(entries) };
}

/** Everything that is stored of the humans. */
const stored = () =>
  Promise.all(
    Object.values(humans).map(async (userId) => ({
      user: await setting.read(userId),
      metadata: await setting.call(methods.listUserMetadata, { userId }),
      changes: await setting.call(v1.listUserChanges, { userId }),
    })),
  );

const creations: readonly Call[] = [
  [methods.createUser, { human: { profile, email: { email } } }],
  [methods.addHumanUser, { profile, email: { email } }],
];

/** The header that names an organization must not matter. Two protocols are enough to show that. */
const headersOver = ({ name }: Caller): Record<string, string>[] =>
  name === "gRPC over h2c" || name === "REST over HTTP/1.1"
    ? [{}, { "x-zitadel-orgid": setting.organizations.own }]
    : [{}];

describe.for(callers)("over $name,", (caller) => {
  const everyone = () =>
    Object.entries(tokens).flatMap(([name, token]) =>
      headersOver(caller).map((headers) => ({
        name,
        call: (method: DescMethodUnary, request: JsonObject) =>
          caller.call(setting.url, method, request, { token, headers }),
      })),
    );

  test.for(calls)("$0.name answers for every user as for one who does not exist", async (each) => {
    const [method, fields] = each;
    const before = await stored();
    const { machine, removed, unknown } = setting.users;
    const ids = [...Object.values(humans), machine, removed, unknown];
    for (const { name, call } of everyone()) {
      const replies = await Promise.all(
        ids.map(async (userId) => visible(await call(method, { userId, ...fields }))),
      );
      expect({ name, replies }).toEqual({ name, replies: ids.map(() => replies.at(-1)) });
      expect(replies[0]).toMatchObject(refused(caller, membershipNotFound));
    }
    expect(await stored()).toEqual(before);
  });

  test.for([false, true])("UpdateProfiles, all or nothing: %s", async (allOrNothing) => {
    const before = await stored();
    const { machine, removed, unknown } = setting.users;
    const ids = [...Object.values(humans), machine, removed, unknown];
    const updates = ids.map((userId) => ({
      userId,
      updateMask: "nickName",
      profile: { nickName: "Changed" },
    }));
    for (const { name, call } of everyone()) {
      const reply = await call(ours.updateProfiles, { updates, allOrNothing });
      // Who has no role anywhere is refused the whole call.
      if (name !== "owner of another organization") {
        expect(visible(reply)).toMatchObject(refused(caller, membershipNotFound));
        continue;
      }
      const { code, body } = reply;
      const results = list(object(body).results).map(object);
      expect({ name, code, ids: results.map(({ userId }) => userId) }).toEqual({
        ...{ name, code: 0, ids },
      });
      for (const { error, details } of results) {
        expect({ error, details }).toEqual({ error: results[0]?.error, details: undefined });
        expect(object(error)).toMatchObject({
          code: 5,
          message: "membership not found (AUTHZ-cdgFk)",
        });
      }
    }
    expect(await stored()).toEqual(before);
  });

  test("ListUsers finds nobody, whatever it is asked for, and counts nobody", async () => {
    const queries: readonly JsonObject[] = [
      { inUserIdsQuery: { userIds: Object.values(humans) } },
      { userNameQuery: { userName } },
      { loginNameQuery: { loginName: userName } },
      { emailQuery: { emailAddress: email } },
      { phoneQuery: { number: phone } },
      { metadataKeyFilter: { key: "secret" } },
      { metadataValueFilter: { value: entry.value } },
      { stateQuery: { state: "USER_STATE_LOCKED" } },
      {
        orQuery: {
          queries: [{ emailQuery: { emailAddress: email } }, { userNameQuery: { userName } }],
        },
      },
    ];
    for (const { name, call } of everyone())
      for (const query of queries) {
        const { code, body } = await call(methods.listUsers, { queries: [query] });
        const { details, ...rest } = object(body);
        expect({ name, query, code, rest, total: object(details).totalResult }).toEqual({
          ...{ name, query, code: 0, rest: {}, total: undefined },
        });
      }
  });

  test("ListUsers without a query shows a person without a role itself alone", async () => {
    const userId = await setting.addUser();
    const options = { token: setting.tokenOf(userId) };
    const { body } = await caller.call(setting.url, methods.listUsers, {}, options);
    expect(object(object(body).details).totalResult).toBe("1");
    expect(list(object(body).result).map((user) => object(user).userId)).toEqual([userId]);
  });

  test.for(creations)("$0.name adds nobody", async ([method, fields]) => {
    const username = `${method.name} over ${caller.name}`;
    const { own } = setting.organizations;
    const place =
      method === methods.createUser ? { organizationId: own } : { organization: { orgId: own } };
    for (const { call } of everyone()) {
      const { headers: _, ...reply } = await call(method, { ...place, username, ...fields });
      expect(reply).toEqual(refused(caller, membershipNotFound));
    }
    const queries = [{ userNameQuery: { userName: username } }];
    const { result = [] } = await setting.call(methods.listUsers, { queries });
    expect(result).toEqual([]);
  });

  test("CreateUser does not tell whether an organization exists", async () => {
    const { own, unknown } = setting.organizations;
    const request = { username: "nobody", ...creations[0]?.[1] };
    for (const { call } of everyone()) {
      const replies = await Promise.all(
        [own, unknown].map(async (organizationId) =>
          visible(await call(methods.createUser, { organizationId, ...request })),
        ),
      );
      expect(replies[0]).toEqual(replies[1]);
    }
  });
});
