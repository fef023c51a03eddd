import { randomUUID } from "node:crypto";
import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import { methods as v2 } from "../../support/api/user-setting.ts";

const ours = UserService.method;

/** A call with a key, and how a test sees that it was answered from what is kept. */
export type Keyed = {
  readonly method: DescMethodUnary;
  readonly request: JsonObject;
  readonly key: string;
  readonly token: string;
  readonly headers?: Record<string, string>;
};

/** A caller that has both protocols and encodings in short. */
export const anyCaller = callers[0] as Caller;

/** The reply without what differs each time. `isReplayed`: as the header says. */
export async function callWithKey(url: string, caller: Caller, keyed: Keyed) {
  const { method, request, key, token, headers } = keyed;
  const options = { token, headers: { ...headers, "idempotency-key": key } };
  const { headers: answered, ...reply } = await caller.call(url, method, request, options);
  return { isReplayed: replayed(answered), reply };
}

function replayed(headers: Reply["headers"]): boolean {
  const value = headers.get("idempotent-replayed");
  if (value !== null && value !== "true") throw new Error(`idempotent-replayed: ${value}`);
  return value !== null;
}

const email = (name: string) => ({ email: `${name}@giraffe.example` });
const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi G." };
const ofV2 = { givenName: "Gigi", familyName: "Giraffe" };

/** Every method that changes a person, with a request that changes one, and what must be done to it before. */
export const changes: readonly {
  readonly method: DescMethodUnary;
  readonly request: (userId: string) => JsonObject;
  readonly before?: readonly DescMethodUnary[];
  readonly adds?: true;
}[] = [
  {
    method: v1.updateHumanProfile,
    request: (userId) => ({ userId, ...profile, nickName: randomUUID() }),
  },
  { method: v1.updateUserName, request: (userId) => ({ userId, userName: randomUUID() }) },
  { method: v1.updateHumanEmail, request: (userId) => ({ userId, ...email(randomUUID()) }) },
  { method: v1.updateHumanPhone, request: (userId) => ({ userId, phone: "+41441234567" }) },
  { method: v1.removeHumanPhone, request: (userId) => ({ userId }), before: [v1.updateHumanPhone] },
  { method: v1.deactivateUser, request: (id) => ({ id }) },
  { method: v1.reactivateUser, request: (id) => ({ id }), before: [v1.deactivateUser] },
  { method: v1.lockUser, request: (id) => ({ id }) },
  { method: v1.unlockUser, request: (id) => ({ id }), before: [v1.lockUser] },
  { method: v1.removeUser, request: (id) => ({ id }) },
  {
    method: v1.addHumanUser,
    request: () => ({ userName: randomUUID(), profile, email: email("gigi") }),
    adds: true,
  },
  {
    method: v1.importHumanUser,
    request: () => ({ userName: randomUUID(), profile, email: email("gigi") }),
    adds: true,
  },
  { method: v1.setUserMetadata, request: (id) => ({ id, key: "color", value: "cmVk" }) },
  {
    method: v1.bulkSetUserMetadata,
    request: (id) => ({ id, metadata: [{ key: "color", value: "cmVk" }] }),
  },
  {
    method: v1.removeUserMetadata,
    request: (id) => ({ id, key: "color" }),
    before: [v1.setUserMetadata],
  },
  {
    method: v1.bulkRemoveUserMetadata,
    request: (id) => ({ id, keys: ["color"] }),
    before: [v1.setUserMetadata],
  },
  {
    method: v2.updateHumanUser,
    request: (userId) => ({ userId, profile: { ...ofV2, nickName: randomUUID() } }),
  },
  { method: v2.updateUser, request: (userId) => ({ userId, username: randomUUID(), human: {} }) },
  { method: v2.setEmail, request: (userId) => ({ userId, ...email(randomUUID()) }) },
  { method: v2.setPhone, request: (userId) => ({ userId, phone: "+41441234567" }) },
  { method: v2.removePhone, request: (userId) => ({ userId }), before: [v2.setPhone] },
  { method: v2.deactivateUser, request: (userId) => ({ userId }) },
  { method: v2.reactivateUser, request: (userId) => ({ userId }), before: [v2.deactivateUser] },
  { method: v2.lockUser, request: (userId) => ({ userId }) },
  { method: v2.unlockUser, request: (userId) => ({ userId }), before: [v2.lockUser] },
  {
    method: v2.setUserMetadata,
    request: (userId) => ({ userId, metadata: [{ key: "color", value: "cmVk" }] }),
  },
  {
    method: v2.deleteUserMetadata,
    request: (userId) => ({ userId, keys: ["color"] }),
    before: [v2.setUserMetadata],
  },
  { method: v2.deleteUser, request: (userId) => ({ userId }) },
  { method: ours.eraseUser, request: (userId) => ({ userId }) },
  {
    method: v2.addHumanUser,
    request: () => ({ username: randomUUID(), profile: ofV2, email: email("gigi") }),
    adds: true,
  },
];

/** The request of a method in the table. */
export function requestOf(method: DescMethodUnary, userId: string): JsonObject {
  const found = changes.find((change) => change.method === method);
  if (found === undefined) throw new Error(`${method.name} is no change`);
  return found.request(userId);
}
