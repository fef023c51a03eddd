/** Who reaches whom by v2 and our own calls: every role, in either organization, with every method, for others and for oneself. */

import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService as GiraffeUserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Permission, permissionsOf } from "../../support/api/permissions.ts";
import { methods, startUserSetting, type UserSetting } from "../../support/api/user-setting.ts";

/** The other protocols are those of the conformance matrix. */
const byGrpc = callers[0] as Caller;

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

type Place = "own" | "other";
/** A person of the first organization, with a role in either one or, where it is of the instance, in both. */
type Who = { readonly role: string; readonly place: Place };

const everyone: readonly Who[] = Object.keys(permissionsOf).flatMap((role): Who[] =>
  role.startsWith("IAM_")
    ? [{ role, place: "own" }]
    : [
        { role, place: "own" },
        { role, place: "other" },
      ],
);

const ours = GiraffeUserService.method;

type Reach = {
  readonly method: DescMethodUnary;
  readonly permission: Permission;
  /** What people need for themselves. Default: the same as for others. */
  readonly ofSelf?: "nothing" | "user.self.delete";
  readonly fields?: () => JsonObject;
  /** Whether the user is one of a batch, and the refusal is the result of that one. */
  readonly isInBatch?: true;
  /** The id for those who may know that nobody is there. `found`: an answer without anybody. */
  readonly missing: string;
  /** Whether a removed user is reached, too. */
  readonly isForRemoved?: true;
  readonly isForMachines?: true;
  /** The id with which an active user without metadata is refused. Default: it is not. */
  readonly refusal?: string;
  readonly writes: boolean;
};

const profile = { givenName: "Changed", familyName: "Okapi" };
const email = () => `${randomUUID()}@giraffe.example`;
const phone = () => `+4144${Math.floor(1_000_000 + Math.random() * 8_999_999)}`;
const metadata = () => [{ key: "k", value: Buffer.from(randomUUID()).toString("base64") }];
const change = { permission: "user.write", writes: true } as const;
const contact = { ...change, ofSelf: "nothing" } as const;

const inBatch = {
  ...change,
  method: ours.updateProfiles,
  missing: "COMMAND-3M9sd",
  isInBatch: true,
} as const;

const reaches: readonly Reach[] = [
  inBatch,
  { ...inBatch, fields: () => ({ allOrNothing: true }) },
  {
    method: methods.getUserByID,
    permission: "user.read",
    ofSelf: "nothing",
    missing: "QUERY-Dfbg2",
    isForMachines: true,
    writes: false,
  },
  {
    method: methods.listUserMetadata,
    permission: "user.read",
    missing: "found",
    isForMachines: true,
    writes: false,
  },
  {
    method: ours.listChanges,
    permission: "user.read",
    missing: "QUERY-Dfbg2",
    isForRemoved: true,
    writes: false,
  },
  {
    ...contact,
    method: methods.updateHumanUser,
    fields: () => ({ profile }),
    missing: "COMMAND-ugjs0upun6",
  },
  {
    ...contact,
    method: methods.updateUser,
    fields: () => ({ human: { profile } }),
    missing: "COMMAND-ugjs0upun6",
  },
  {
    ...change,
    method: methods.updateHumanUser,
    fields: () => ({ email: { email: email(), isVerified: true } }),
    missing: "COMMAND-ugjs0upun6",
  },
  {
    ...change,
    method: methods.updateUser,
    fields: () => ({ human: {}, metadata: metadata() }),
    missing: "COMMAND-ugjs0upun6",
  },
  {
    ...contact,
    method: methods.setEmail,
    fields: () => ({ email: email() }),
    missing: "COMMAND-ieJ2e",
  },
  {
    ...change,
    method: methods.setEmail,
    fields: () => ({ email: email(), isVerified: true }),
    missing: "COMMAND-ieJ2e",
  },
  {
    ...contact,
    method: methods.setPhone,
    fields: () => ({ phone: phone() }),
    missing: "COMMAND-ieJ2e",
  },
  {
    ...change,
    method: methods.setPhone,
    fields: () => ({ phone: phone(), isVerified: true }),
    missing: "COMMAND-ieJ2e",
  },
  { ...contact, method: methods.removePhone, missing: "COMMAND-ieJ2e", writes: false },
  { ...change, method: methods.deactivateUser, missing: "COMMAND-5gp2p62iin" },
  { ...change, method: methods.lockUser, missing: "COMMAND-450yxuqrh1" },
  {
    ...change,
    method: methods.reactivateUser,
    missing: "COMMAND-9hy5kzbuk6",
    refusal: "COMMAND-s5qqcz97hf",
  },
  {
    ...change,
    method: methods.unlockUser,
    missing: "COMMAND-x377t913pw",
    refusal: "COMMAND-olb9vb0oca",
  },
  {
    ...change,
    method: methods.deleteUserMetadata,
    fields: () => ({ keys: ["none"] }),
    missing: "COMMAND-uXHNj",
    refusal: "META-2nnds",
  },
  {
    ...change,
    method: methods.setUserMetadata,
    fields: () => ({ metadata: metadata() }),
    missing: "COMMAND-uXHNj",
  },
  {
    method: ours.eraseUser,
    permission: "user.delete",
    missing: "QUERY-Dfbg2",
    isForRemoved: true,
    writes: true,
  },
  {
    method: methods.deleteUser,
    permission: "user.delete",
    ofSelf: "user.self.delete",
    missing: "COMMAND-bd4ir1mblj",
    writes: true,
  },
];

const whoms = ["self", "own", "other", "machine", "removed", "unknown"] as const;
type Whom = (typeof whoms)[number];

function requestOf({ fields, isInBatch }: Reach, userId: string): JsonObject {
  if (!isInBatch) return { userId, ...fields?.() };
  const update = { userId, updateMask: "nickName", profile: { nickName: randomUUID() } };
  return { updates: [update], ...fields?.() };
}

/** `ok`, or the id of the refusal. */
function outcomeOf({ isInBatch }: Reach, { code, details, body }: Omit<Reply, "headers">): unknown {
  if (isInBatch) {
    const [result] = list(body?.results).map(object);
    if (result?.error === undefined) return "ok";
    const refusals = list(object(result.error).details).map(object);
    return refusals.find((detail) => text(detail["@type"]).endsWith("zitadel.v1.ErrorDetail"))?.id;
  }
  if (code === 0) return "ok";
  return object(details.find(({ type }) => type === "zitadel.v1.ErrorDetail")?.value ?? {}).id;
}

/** `ok`, or the id of the refusal. */
function wanted(
  { role, place }: Who,
  { permission, ofSelf, missing, isForMachines, isForRemoved, refusal = "ok" }: Reach,
  whom: Whom,
): string {
  const held = permissionsOf[role] ?? [];
  const isOfInstance = role.startsWith("IAM_");
  if (whom === "self" && ofSelf === "nothing") return "ok";
  const notThere = missing === "found" ? "ok" : missing;
  if (whom === "unknown") return isOfInstance ? notThere : "AUTHZ-cdgFk";
  const lives: Place = whom === "other" ? "other" : "own";
  if (!isOfInstance && place !== lives) return "AUTHZ-cdgFk";
  const isPermitted =
    held.includes(permission) ||
    (whom === "self" && ofSelf !== undefined && held.includes("user.self.delete"));
  if (!isPermitted) return "AUTH-AWfge";
  const isReached = whom === "removed" ? isForRemoved : whom === "machine" ? isForMachines : true;
  return isReached ? refusal : notThere;
}

describe.for(everyone)("a person with $role in its $place organization", (who) => {
  const newPerson = async () => {
    const id = await setting.addUser();
    const organization = who.role.startsWith("IAM_") ? undefined : setting.organizations[who.place];
    await setting.giveRole(id, who.role, organization);
    return id;
  };
  /** For calls that do not reach for itself. */
  let caller: string;
  beforeAll(async () => {
    caller = await newPerson();
  });
  const newTarget = async (whom: Whom) => {
    const { machine, removed, unknown } = setting.users;
    const other = { "x-zitadel-orgid": setting.organizations.other };
    const ids = { machine, removed, unknown } as const;
    if (whom === "self") return newPerson();
    if (whom === "own") return setting.addUser();
    return whom === "other" ? setting.addUser(undefined, other) : ids[whom];
  };
  const sequenceOf = async (userId: string) =>
    Number(object((await setting.read(userId)).details).sequence);

  test.for(reaches)("reaches by $method.name whom it may, and nobody else", async (reach) => {
    /** Whether it is a human who is still there after the call. */
    const isThere = (whom: Whom, outcome: unknown) =>
      (whom === "self" || whom === "own" || whom === "other") &&
      (outcome !== "ok" || ![methods.deleteUser, ours.eraseUser].includes(reach.method as never));
    const attempt = async (whom: Whom) => {
      const userId = await newTarget(whom);
      const reply = await setting.callOver(byGrpc, reach.method, requestOf(reach, userId), {
        token: setting.tokenOf(whom === "self" ? userId : caller),
      });
      const outcome = outcomeOf(reach, reply);
      if (!isThere(whom, outcome)) return [whom, { outcome }];
      return [whom, { outcome, isChanged: (await sequenceOf(userId)) > 1 }];
    };
    const want = (whom: Whom) => {
      const outcome = wanted(who, reach, whom);
      if (!isThere(whom, outcome)) return [whom, { outcome }];
      return [whom, { outcome, isChanged: outcome === "ok" && reach.writes }];
    };
    const attempts: unknown[][] = [];
    // A caller may have few batches at once.
    if (reach.isInBatch) for (const whom of whoms) attempts.push(await attempt(whom));
    else attempts.push(...(await Promise.all(whoms.map(attempt))));
    expect(Object.fromEntries(attempts)).toEqual(Object.fromEntries(whoms.map(want)));
  });
});
