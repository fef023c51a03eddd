import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { type Caller, callers } from "../../support/api/callers.ts";
import { type Setting, startSetting } from "../../support/api/setting.ts";
import { createMetadataResource } from "./terraform-metadata.ts";
import { changes, defaults, newPlan } from "./terraform-plans.ts";
import { type Call, CallError, createResource, type Resource } from "./terraform-provider.ts";

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.close());

/** The provider speaks gRPC, and names the organization of a resource in each call. */
const call: Call = async (method, request) => {
  const as = { who: "owner", where: "other" } as const;
  const reply = await setting.callOver(callers[0] as Caller, method, request, as);
  if (reply.body === undefined) throw new CallError(reply.code, reply.message);
  return reply.body;
};

/** As if the server had no v2, so that the provider takes v1 for everything. */
const callWithoutV2: Call = async (method, request) => {
  if (method.parent === UserService) throw new CallError(12, "unimplemented");
  return call(method, request);
};

const paths: readonly { name: string; open: () => Resource }[] = [
  { name: "v2", open: () => createResource(call, setting.organizations.other) },
  { name: "v1", open: () => createResource(callWithoutV2, setting.organizations.other) },
];
const resources = () => paths.map(({ open }) => open()) as [Resource, Resource];

describe.for(paths)("zitadel_human_user by $name", ({ name, open }) => {
  let users: Resource;
  beforeAll(() => {
    users = open();
  });

  test("is created, and the second plan is empty", async () => {
    const plan = newPlan();
    expect(await users.read(await users.create(plan))).toEqual(plan);
  });

  test("is created with nothing but what is required, and the second plan is empty", async () => {
    const plan = { ...newPlan(), ...defaults };
    expect(await users.read(await users.create(plan))).toEqual(plan);
  });

  test.for(changes)("changes $name, and the second plan is empty", async ({ change }) => {
    const plan = newPlan();
    const changed = { ...plan, ...change(plan) };
    const id = await users.create(plan);
    await users.update(id, plan, changed);
    expect(await users.read(id)).toEqual(changed);
  });

  test("says later that address and number are verified", async () => {
    const plan = { ...newPlan(), isEmailVerified: false, isPhoneVerified: false };
    const verified = { ...plan, isEmailVerified: true, isPhoneVerified: true };
    const id = await users.create(plan);
    await users.update(id, plan, verified);
    expect(await users.read(id)).toEqual(verified);
  });

  test("is changed back, and the old user name is free at once", async () => {
    const plan = newPlan();
    const renamed = { ...plan, userName: `renamed-${plan.userName}` };
    const id = await users.create(plan);
    await users.update(id, plan, renamed);
    const second = { ...newPlan(), userName: plan.userName };
    const other = await users.create(second);
    await expect(users.update(id, renamed, plan)).rejects.toThrow("V3-DKcYh");
    await users.remove(other);
    await users.update(id, renamed, plan);
    expect(await users.read(id)).toEqual(plan);
  });

  test("is found by each attribute, imported, and the plan is empty", async () => {
    const plan = { ...newPlan(), firstName: "Ina", nickName: `ina by ${name}` };
    const id = await users.create(plan);
    const { firstName, lastName, nickName, displayName, userName, email } = plan;
    for (const attributes of [
      { userName },
      { email },
      { nickName },
      { firstName, lastName, nickName, displayName, userName, email },
    ])
      expect(await users.find(attributes)).toEqual([id]);
    expect(await users.read(id)).toEqual(plan);
  });

  test("is gone when it was deleted, also for the next refresh", async () => {
    const plan = newPlan();
    const id = await users.create(plan);
    await users.remove(id);
    expect(await users.read(id)).toBeUndefined();
    expect(await users.find({ userName: plan.userName })).toEqual([]);
    expect(await users.create(plan)).not.toBe(id);
  });

  test("is refused with a password, whatever path the provider takes then", async () => {
    const plan = newPlan();
    await expect(users.create(plan, { password: "Secret1!" })).rejects.toMatchObject({
      code: 12,
      message: expect.stringContaining("password"),
    });
    expect(await users.find({ userName: plan.userName })).toEqual([]);
  });

  test("has an empty plan by the other path, too", async () => {
    for (const plan of [newPlan(), { ...newPlan(), ...defaults }]) {
      const id = await users.create(plan);
      for (const path of paths) expect(await path.open().read(id)).toEqual(plan);
    }
  });
});

describe("zitadel_human_user", () => {
  test("is renamed by v1 if nothing else changes, because v2 wants a type of user then", async () => {
    const methods: string[] = [];
    const noting: Call = (method, request) => {
      methods.push(`${method.parent.typeName}/${method.name}`);
      return call(method, request);
    };
    const users = createResource(noting, setting.organizations.other);
    const plan = newPlan();
    const id = await users.create(plan);
    await users.update(id, plan, { ...plan, userName: `alone-${plan.userName}` });
    expect(methods).toEqual([
      "zitadel.user.v2.UserService/CreateUser",
      "zitadel.user.v2.UserService/UpdateUser",
      "zitadel.management.v1.ManagementService/UpdateUserName",
    ]);
  });

  test("cannot remove the nick name by v2, as in ZITADEL, and can by v1", async () => {
    const plan = newPlan();
    const without = { ...plan, nickName: "" };
    const [users, legacy] = resources();
    const id = await users.create(plan);
    await expect(users.update(id, plan, without)).rejects.toThrow(
      "invalid UpdateUserRequest_Human_Profile.NickName",
    );
    expect(await users.read(id)).toEqual(plan);
    await legacy.update(id, plan, without);
    expect(await users.read(id)).toEqual(without);
  });

  test("removes the phone by v2, and cannot by v1, as in ZITADEL", async () => {
    const plan = newPlan();
    const without = { ...plan, phone: "", isPhoneVerified: false };
    const [users, legacy] = resources();
    const id = await users.create(plan);
    await expect(legacy.update(id, plan, without)).rejects.toThrow(
      "invalid UpdateHumanPhoneRequest.Phone",
    );
    await users.update(id, plan, without);
    expect(await users.read(id)).toEqual(without);
  });

  test("is created with metadata", async () => {
    const [users] = resources();
    const value = Buffer.from("5 m").toString("base64");
    const id = await users.create(newPlan(), { metadata: [{ key: "height", value }] });
    expect(await createMetadataResource(call).find(id)).toEqual({ height: "5 m" });
  });
});

describe("zitadel_user_metadata", () => {
  test("is set, read, changed, imported, listed and removed; each second plan is empty", async () => {
    const metadata = createMetadataResource(call);
    const id = await createResource(call, setting.organizations.other).create(newPlan());
    await metadata.set(id, "height", "5 m");
    await metadata.set(id, "Größe", "fünf Meter 🦒");
    expect(await metadata.read(id, "height")).toBe("5 m");
    expect(await metadata.read(id, "Größe")).toBe("fünf Meter 🦒");
    await metadata.set(id, "height", "6 m");
    // A plan that is applied again sends the same value.
    await metadata.set(id, "height", "6 m");
    expect(await metadata.read(id, "height")).toBe("6 m");
    expect(await metadata.find(id, "height")).toEqual({ height: "6 m" });
    expect(await metadata.find(id)).toEqual({ height: "6 m", Größe: "fünf Meter 🦒" });
    await metadata.remove(id, "height");
    expect(await metadata.read(id, "height")).toBeUndefined();
    expect(await metadata.find(id)).toEqual({ Größe: "fünf Meter 🦒" });
    await expect(metadata.remove(id, "height")).rejects.toMatchObject({ code: 5 });
  });
});
