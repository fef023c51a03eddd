import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { objectOf } from "../fields.ts";

/** Where a value is in a record: names of members, and places in lists. */
export type Way = readonly (string | number)[];

/** How the people of a file are read. */
export type Mapping = {
  /** Where the records are, such as `Resources/*`. */
  readonly records: readonly string[];
  /** The ways to each text of a person; the first one that leads to a text counts. */
  readonly texts: Readonly<Record<TextField, readonly Way[]>>;
  /** The ways to flags; `undefined`: the file does not have it. */
  readonly isEmailVerified: Way | undefined;
  readonly isActive: Way;
  /** The ways to moments, as RFC 3339 or in milliseconds. */
  readonly createdAt: Way;
  readonly changedAt: Way | undefined;
  /** Members that are not taken, in plain words. */
  readonly losses: Readonly<Record<string, string>>;
  /** A member that only programs have. */
  readonly ofMachine: string | undefined;
};

export type TextField =
  | "userId"
  | "userName"
  | "firstName"
  | "lastName"
  | "nickName"
  | "displayName"
  | "preferredLanguage"
  | "email"
  | "phone";

/** A realm export of Keycloak's: one realm, several in a list, or a file of a realm's users. */
const keycloak: Mapping = {
  records: ["users/*", "*/users/*"],
  texts: {
    userId: [["id"]],
    userName: [["username"]],
    firstName: [["firstName"]],
    lastName: [["lastName"]],
    nickName: [["attributes", "nickname", 0]],
    displayName: [["attributes", "displayName", 0]],
    preferredLanguage: [["attributes", "locale", 0]],
    email: [["email"]],
    phone: [
      ["attributes", "phoneNumber", 0],
      ["attributes", "phone", 0],
    ],
  },
  isEmailVerified: ["emailVerified"],
  isActive: ["enabled"],
  createdAt: ["createdTimestamp"],
  changedAt: undefined,
  losses: {
    credentials: "credentials",
    federatedIdentities: "links to identity providers",
    requiredActions: "required actions",
    realmRoles: "roles",
    clientRoles: "sets of roles",
    groups: "groups",
  },
  ofMachine: "serviceAccountClientId",
};

/** A ListResponse of SCIM 2.0 with users: RFC 7643, section 4.1, and RFC 7644, section 3.4.2. */
const scim: Mapping = {
  records: ["Resources/*"],
  texts: {
    userId: [["id"]],
    userName: [["userName"]],
    firstName: [["name", "givenName"]],
    lastName: [["name", "familyName"]],
    nickName: [["nickName"]],
    displayName: [["displayName"], ["name", "formatted"]],
    preferredLanguage: [["preferredLanguage"], ["locale"]],
    email: [["emails", 0, "value"]],
    phone: [["phoneNumbers", 0, "value"]],
  },
  isEmailVerified: undefined,
  isActive: ["active"],
  createdAt: ["meta", "created"],
  changedAt: ["meta", "lastModified"],
  losses: {
    groups: "groups",
    roles: "roles",
    entitlements: "entitlements",
    addresses: "addresses",
    ims: "instant messaging addresses",
    photos: "photos",
    x509Certificates: "certificates",
  },
  ofMachine: undefined,
};

/** By the name of the form. */
export const mappings = { keycloak, scim } as const;

/** What a way leads to. Of a list in which one element is marked as primary, that one comes first. */
export function valueAt(record: JsonObject, way: Way): JsonValue | undefined {
  let value: JsonValue | undefined = record;
  for (const step of way) {
    if (typeof step === "string") value = objectOf(value)[step];
    else value = Array.isArray(value) ? byPrimary(value)[step] : undefined;
  }
  return value;
}

function byPrimary(list: readonly JsonValue[]): readonly JsonValue[] {
  const isPrimary = (value: JsonValue) => objectOf(value).primary === true;
  return [...list.filter(isPrimary), ...list.filter((value) => !isPrimary(value))];
}
