/**
 * The calls of Terraform's provider for ZITADEL, version 3.3.0, in its order and with its fields, for the
 * resource `zitadel_human_user`. It calls v2, and v1 where the server answers
 * `unimplemented`.
 */

import type { DescMethodUnary, JsonObject } from "@bufbuild/protobuf";
import { list, object, text } from "../../support/api/json.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import { methods as v2 } from "../../support/api/user-setting.ts";

/** The attributes of `zitadel_human_user`. What a plan does not set has the default of the provider. */
export type HumanUser = {
  readonly userName: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly nickName: string;
  readonly displayName: string;
  readonly preferredLanguage: string;
  readonly gender: string;
  readonly email: string;
  readonly isEmailVerified: boolean;
  readonly phone: string;
  readonly isPhoneVerified: boolean;
};

/** A call of gRPC. Throws a `CallError` if it is refused. */
export type Call = (
  method: DescMethodUnary,
  request: JsonObject,
) => Promise<Record<string, unknown>>;

/** With the number of the gRPC code. */
export class CallError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a plan sets only when a user is created. */
type Further = { readonly password?: string; readonly metadata?: JsonObject[] };

/** What the provider does with `zitadel_human_user`. */
export type Resource = {
  /** @returns The id. */
  create(user: HumanUser, further?: Further): Promise<string>;
  /** @returns `undefined` if there is no such user. */
  read(id: string): Promise<HumanUser | undefined>;
  update(id: string, before: HumanUser, after: HumanUser): Promise<void>;
  remove(id: string): Promise<void>;
  /** @returns The ids of the humans with these attributes, as the data source finds them. */
  find(attributes: Partial<HumanUser>): Promise<readonly string[]>;
};

const profileAttributes = [
  ...["firstName", "lastName", "nickName", "displayName", "preferredLanguage", "gender"],
] as readonly (keyof HumanUser)[];

const notFound = 5;
const unimplemented = 12;

/** What the provider does with servers that have no v2. */
async function orElse<Value>(value: Promise<Value>, legacy: () => Promise<Value>): Promise<Value> {
  return value.catch((error: unknown) => {
    if (error instanceof CallError && error.code === unimplemented) return legacy();
    throw error;
  });
}

/** @returns `undefined` if the server answers `not_found`. */
export async function unlessNotFound<Value>(value: Promise<Value>): Promise<Value | undefined> {
  return value.catch((error: unknown) => {
    if (error instanceof CallError && error.code === notFound) return undefined;
    throw error;
  });
}

/** The queries of the data source; every name and address is compared for equality. */
const queriesFor = (attributes: Partial<HumanUser>): JsonObject[] => [
  { typeQuery: { type: "TYPE_HUMAN" } },
  ...(["userName", "firstName", "lastName", "nickName", "displayName"] as const).flatMap((name) =>
    attributes[name] === undefined ? [] : [{ [`${name}Query`]: { [name]: attributes[name] } }],
  ),
  ...(attributes.email === undefined ? [] : [{ emailQuery: { emailAddress: attributes.email } }]),
  ...(attributes.userName === undefined
    ? []
    : [{ loginNameQuery: { loginName: attributes.userName } }]),
];

/** Whether one of the attributes differs. */
const differenceOf =
  (before: HumanUser, after: HumanUser) =>
  (...attributes: readonly (keyof HumanUser)[]) =>
    attributes.some((name) => before[name] !== after[name]);

const verified = (isVerified: boolean) => (isVerified ? { isVerified } : {});

/** Both paths together. */
export function createResource(call: Call, organizationId: string): Resource {
  const v2 = createUserResource(call, organizationId);
  const v1 = createLegacyResource(call);
  return {
    create: (user, further = {}) =>
      orElse(v2.create(user, further), () => {
        if (further.metadata) throw new Error("metadata needs v2");
        return v1.create(user, further);
      }),
    read: (id) => orElse(v2.read(id), () => v1.read(id)),
    update: (...change) => orElse(v2.update(...change), () => v1.update(...change)),
    remove: (id) => orElse(v2.remove(id), () => v1.remove(id)),
    find: (attributes) => orElse(v2.find(attributes), () => v1.find(attributes)),
  };
}

/** By v2: only what differs is sent. */
function createUserResource(call: Call, organizationId: string): Resource {
  /** The names of v2 for attributes of a profile. */
  const names: Readonly<Record<string, string>> = {
    firstName: "givenName",
    lastName: "familyName",
  };
  return {
    async create(user, { password, metadata } = {}) {
      const profile = {
        givenName: user.firstName,
        familyName: user.lastName,
        gender: user.gender,
        preferredLanguage: user.preferredLanguage,
        ...(user.nickName !== "" && { nickName: user.nickName }),
        displayName: user.displayName,
      };
      const email = { email: user.email, ...verified(user.isEmailVerified) };
      const phone = { phone: user.phone, ...verified(user.isPhoneVerified) };
      const human = {
        profile,
        email,
        ...(user.phone !== "" && { phone }),
        ...(password !== undefined && { password: { password, changeRequired: true } }),
        ...(metadata !== undefined && { metadata }),
      };
      const request = { organizationId, username: user.userName, human };
      return text((await call(v2.createUser, request)).id);
    },
    async read(id) {
      const found = await unlessNotFound(call(v2.getUserByID, { userId: id }));
      if (found === undefined) return undefined;
      const { username, human } = object(found.user);
      const { profile, email, phone } = object(human);
      const { givenName, familyName, ...others } = object(profile);
      return {
        userName: username,
        firstName: givenName,
        lastName: familyName,
        ...others,
        email: object(email).email,
        isEmailVerified: object(email).isVerified ?? false,
        phone: object(phone).phone ?? "",
        isPhoneVerified: object(phone).isVerified ?? false,
      } as HumanUser;
    },
    async update(userId, before, after) {
      const differs = differenceOf(before, after);
      const changed = profileAttributes.filter((name) => differs(name));
      const sendsEmail = differs("email") || (differs("isEmailVerified") && after.isEmailVerified);
      const sendsPhone = differs("phone") || (differs("isPhoneVerified") && after.isPhoneVerified);
      const human = {
        ...(changed.length > 0 && {
          profile: Object.fromEntries(changed.map((name) => [names[name] ?? name, after[name]])),
        }),
        ...(sendsEmail && { email: { email: after.email, ...verified(after.isEmailVerified) } }),
        ...(sendsPhone && { phone: { phone: after.phone, ...verified(after.isPhoneVerified) } }),
      };
      const request = {
        userId,
        ...(differs("userName") && { username: after.userName }),
        ...(Object.keys(human).length > 0 && { human }),
      };
      if (Object.keys(request).length > 1) await call(v2.updateUser, request);
    },
    async remove(userId) {
      await call(v2.deleteUser, { userId });
    },
    async find(attributes) {
      const { result = [] } = await call(v2.listUsers, { queries: queriesFor(attributes) });
      return list(result).map((user) => text(object(user).userId));
    },
  };
}

/** By v1: a call for each kind of attribute, with all attributes of the kind. */
function createLegacyResource(call: Call): Resource {
  const profileOf = (user: HumanUser) =>
    Object.fromEntries(profileAttributes.map((name) => [name, user[name]]));
  return {
    async create(user, { password } = {}) {
      const { userName, email, isEmailVerified, phone, isPhoneVerified } = user;
      const request = {
        userName,
        profile: profileOf(user),
        email: { email, isEmailVerified },
        ...(phone !== "" && { phone: { phone, isPhoneVerified } }),
        ...(password !== undefined && { password, passwordChangeRequired: true }),
      };
      return text((await call(v1.importHumanUser, request)).userId);
    },
    async read(id) {
      const found = await unlessNotFound(call(v1.getUserByID, { id }));
      if (found === undefined) return undefined;
      const { userName, human } = object(found.user);
      const { profile, email, phone = {} } = object(human);
      return {
        userName,
        ...{ nickName: "", gender: "GENDER_UNSPECIFIED", preferredLanguage: "" },
        ...object(profile),
        email: object(email).email,
        isEmailVerified: object(email).isEmailVerified ?? false,
        phone: object(phone).phone ?? "",
        isPhoneVerified: object(phone).isPhoneVerified ?? false,
      } as HumanUser;
    },
    async update(userId, before, after) {
      const differs = differenceOf(before, after);
      const { userName, email, isEmailVerified, phone, isPhoneVerified } = after;
      if (differs("userName")) await call(v1.updateUserName, { userId, userName });
      if (differs(...profileAttributes))
        await call(v1.updateHumanProfile, { userId, ...profileOf(after) });
      if (differs("email") || (differs("isEmailVerified") && isEmailVerified))
        await call(v1.updateHumanEmail, { userId, email, isEmailVerified });
      if (differs("phone") || (differs("isPhoneVerified") && isPhoneVerified))
        await call(v1.updateHumanPhone, { userId, phone, isPhoneVerified });
    },
    async remove(id) {
      await call(v1.removeUser, { id });
    },
    async find(attributes) {
      const { result = [] } = await call(v1.listUsers, { queries: queriesFor(attributes) });
      return list(result).map((user) => text(object(user).id));
    },
  };
}
