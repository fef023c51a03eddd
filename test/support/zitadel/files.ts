import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Person } from "./person.ts";
import type { World, WorldEvent } from "./world.ts";

// A made-up instance in each of the forms in which ZITADEL gives people away.

/** `COPY (select row_to_json(…) …)`: the log, one event to a line. */
export function eventsFile(file: string, events: readonly WorldEvent[]): void {
  write(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""));
}

const numbers = { active: 1, inactive: 2, locked: 4 } as const;

/** Those who are there. */
export function present(world: World) {
  return world.people.flatMap((person) => {
    const { shown, isMachine } = person;
    return shown === undefined || isMachine ? [] : [{ person, shown }];
  });
}

/** The projection of users, one to a line. */
export function usersFile(file: string, world: World): void {
  const lines = present(world).map(({ person, shown }) =>
    JSON.stringify({
      id: person.id,
      resource_owner: person.organization.id,
      organization_name: person.organization.name,
      username: shown.userName,
      state: numbers[shown.state],
      creation_date: person.creationDate,
      change_date: person.changeDate,
      sequence: person.sequence,
      first_name: shown.firstName,
      last_name: shown.lastName,
      nick_name: shown.nickName === "" ? null : shown.nickName,
      display_name: shown.displayName,
      preferred_language: shown.preferredLanguage === "und" ? null : shown.preferredLanguage,
      gender: shown.gender === 0 ? null : shown.gender,
      email: shown.email,
      is_email_verified: shown.isEmailVerified,
      phone: shown.phone === "" ? null : shown.phone,
      is_phone_verified: shown.phone === "" ? null : shown.isPhoneVerified,
      metadata: metadataOf(shown.metadata),
    }),
  );
  write(file, lines.map((line) => `${line}\n`).join(""));
}

function metadataOf(metadata: ReadonlyMap<string, Buffer>) {
  const entries = [...metadata].sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => ({ key, value: value.toString("base64") }));
}

const genders = ["GENDER_UNSPECIFIED", "GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"];

/** The answer of ExportData. */
export function exportFile(file: string, world: World): void {
  const orgs = world.organizations.map(({ id, name, isRemoved }) => {
    const mine = present(world).filter(({ person }) => person.organization.id === id);
    const machines = world.people.filter((each) => each.isMachine && each.organization.id === id);
    return {
      orgId: id,
      org: { name },
      orgState: isRemoved ? "ORG_STATE_REMOVED" : "ORG_STATE_ACTIVE",
      domains: [{ domainName: `${name.toLowerCase()}.example`, isVerified: true, isPrimary: true }],
      humanUsers: mine.map(({ person, shown }) => exported(person, shown)),
      machineUsers: machines.map((each) => ({
        userId: each.id,
        user: { userName: each.id, name: "m" },
      })),
      userMetadata: mine.flatMap(({ person, shown }) =>
        metadataOf(shown.metadata).map((entry) => ({ id: person.id, ...entry })),
      ),
      userLinks: mine.slice(0, 2).map(({ person }) => ({ userId: person.id, idpId: "1" })),
    };
  });
  write(file, JSON.stringify({ orgs }));
}

function exported({ id }: Person, shown: NonNullable<Person["shown"]>) {
  const state = { active: "ACTIVE", inactive: "INACTIVE", locked: "LOCKED" }[shown.state];
  return {
    userId: id,
    state: `USER_STATE_${state}`,
    user: {
      userName: shown.userName,
      profile: {
        firstName: shown.firstName,
        lastName: shown.lastName,
        ...(shown.nickName !== "" && { nickName: shown.nickName }),
        displayName: shown.displayName,
        preferredLanguage: shown.preferredLanguage,
        gender: genders[shown.gender] ?? shown.gender,
      },
      email: { email: shown.email, ...(shown.isEmailVerified && { isEmailVerified: true }) },
      ...(shown.phone !== "" && {
        phone: { phone: shown.phone, ...(shown.isPhoneVerified && { isPhoneVerified: true }) },
      }),
      ...(shown.state === "active" && { hashedPassword: { value: "$2a$14$not-a-real-hash" } }),
    },
  };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
