/** What people without a role may do to themselves by v2, and what they may not. */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callers } from "../../support/api/callers.ts";
import { text } from "../../support/api/json.ts";
import { refused } from "../../support/api/refusals.ts";
import {
  gigi,
  methods,
  startUserSetting,
  type UserSetting,
} from "../../support/api/user-setting.ts";
import { membershipNotFound } from "./refusals.ts";

let setting: UserSetting;
beforeAll(async () => {
  setting = await startUserSetting();
});
afterAll(() => setting.close());

const email = "gigi@giraffe.example";
const phone = "+41449999999";
const entry = { key: "secret", value: Buffer.from("of own").toString("base64") };
const profile = { givenName: "Changed", familyName: "Okapi" };
const metadata = [{ key: "secret", value: Buffer.from("changed").toString("base64") }];

type Row = readonly [
  method: DescMethodUnary,
  fields: JsonObject,
  /** The types of the events that the call writes. */
  want: readonly string[] | "refused",
];

const ofOneself: readonly Row[] = [
  [methods.getUserByID, {}, []],
  [methods.updateUser, { human: { profile } }, ["user.human.profile.changed"]],
  [methods.updateUser, { username: "self", human: {} }, ["user.username.changed"]],
  [methods.updateUser, { human: { phone: { phone: "" } } }, ["user.human.phone.removed"]],
  [methods.updateHumanUser, { profile }, ["user.human.profile.changed"]],
  [methods.updateHumanUser, { email: { email: "o@k.example" } }, ["user.human.email.changed"]],
  [methods.setEmail, { email: "o@k.example" }, ["user.human.email.changed"]],
  [methods.setPhone, { phone: "+41441234567" }, ["user.human.phone.changed"]],
  [methods.removePhone, {}, ["user.human.phone.removed"]],
  [methods.updateUser, { human: { email: { email, isVerified: true } } }, "refused"],
  [methods.updateUser, { human: { phone: { phone, isVerified: true } } }, "refused"],
  [methods.updateUser, { human: { profile }, metadata }, "refused"],
  [methods.updateHumanUser, { profile, email: { email, isVerified: true } }, "refused"],
  [methods.setEmail, { email: "o@k.example", isVerified: true }, "refused"],
  [methods.setPhone, { phone: "+41441234567", isVerified: true }, "refused"],
  [methods.setUserMetadata, { metadata }, "refused"],
  [methods.deleteUserMetadata, { keys: ["secret"] }, "refused"],
  [methods.listUserMetadata, {}, "refused"],
  [methods.deactivateUser, {}, "refused"],
  [methods.reactivateUser, {}, "refused"],
  [methods.lockUser, {}, "refused"],
  [methods.unlockUser, {}, "refused"],
  [methods.deleteUser, {}, "refused"],
];

describe.for(callers)("a person without a role, over $name,", (caller) => {
  test.for(ofOneself)("calls $0.name with $1 for itself: $2", async ([method, fields, want]) => {
    const human = { profile: gigi, email: { email }, phone: { phone } };
    const request = { organizationId: setting.organizations.own, human };
    const username = setting.newUserName();
    const userId = text((await setting.call(methods.createUser, { ...request, username })).id);
    await setting.call(methods.setUserMetadata, { userId, metadata: [entry] });
    const before = await setting.read(userId);
    // A user name is new for each protocol, because only one person can have it.
    const own = "username" in fields ? { username: `self of ${userId}` } : {};
    const reply = await setting.callOver(
      caller,
      method,
      { userId, ...fields, ...own },
      { token: setting.tokenOf(userId) },
    );
    const events = await setting.events(userId);
    const after = await setting.read(userId);
    const added = ["user.human.added", "user.metadata.set"];
    if (want === "refused") {
      expect(reply).toEqual(refused(caller, membershipNotFound));
      expect(events).toEqual(added);
      expect(after).toEqual(before);
    } else {
      expect(reply).toMatchObject({ code: 0 });
      expect(events).toEqual([...added, ...want]);
      if (want.length > 0) expect(after).not.toEqual(before);
    }
  });
});
