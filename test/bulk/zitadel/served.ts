import { expect } from "vitest";
import { callRest, fetchJson, type Place } from "../../cli/serving.ts";
import { present } from "../../support/zitadel/files.ts";
import type { Person, Shown } from "../../support/zitadel/person.ts";
import type { World } from "../../support/zitadel/world.ts";

// What a server shows of people who were imported, and what it is to show of a made-up instance.

type Json = Record<string, unknown>;

/** A server on the database, and calls to it. It is killed when the test is over. */
export async function serveImported(place: Place) {
  const created = await place.administer(
    ...["token", "create", "--name", "reader", "--role", "IAM_OWNER", "--json"],
  );
  const { secret } = JSON.parse(created.stdout);
  const { url } = await place.serve();
  const post = async (path: string, body: Json, organization?: string): Promise<Json> => {
    const answer = await fetchJson(`${url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${secret}`,
        ...(organization !== undefined && { "x-zitadel-orgid": organization }),
      },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return answer.body;
  };
  return { url, secret: String(secret), post, callRest };
}

export type Served = Awaited<ReturnType<typeof serveImported>>;

/** Everybody whom the server has, as ListUsers of v2 shows them, by id. */
export async function everybody({ post }: Served): Promise<Map<string, Json>> {
  const found = new Map<string, Json>();
  for (;;) {
    const query = { offset: String(found.size), limit: 1_000, asc: true };
    const type = { typeQuery: { type: "TYPE_HUMAN" } };
    const { result = [] } = await post("/v2/users", { query, queries: [type] });
    for (const each of result as Json[]) found.set(String(each.userId), each);
    if ((result as Json[]).length < 1_000) return found;
  }
}

const genders = ["GENDER_UNSPECIFIED", "GENDER_FEMALE", "GENDER_MALE", "GENDER_DIVERSE"];
const states = { active: "ACTIVE", inactive: "INACTIVE", locked: "LOCKED" } as const;

/** A person as ListUsers is to show it. */
export function shownAs({ id, organization }: Person, shown: Shown): Json {
  const { email, isEmailVerified, phone, isPhoneVerified } = shown;
  return {
    userId: id,
    organization: organization.id,
    state: `USER_STATE_${states[shown.state]}`,
    username: shown.userName,
    givenName: shown.firstName,
    familyName: shown.lastName,
    nickName: shown.nickName,
    displayName: shown.displayName,
    preferredLanguage: shown.preferredLanguage,
    gender: genders[shown.gender] ?? "GENDER_UNSPECIFIED",
    email,
    isEmailVerified,
    phone,
    isPhoneVerified,
  };
}

/** The same of an answer. */
export function flat(user: Json): Json {
  const { details, human } = user as { details: Json; human: Record<string, Json> };
  const { profile = {}, email = {}, phone = {} } = human;
  return {
    userId: user.userId,
    organization: details.resourceOwner,
    state: user.state,
    username: user.username,
    givenName: profile.givenName,
    familyName: profile.familyName,
    nickName: profile.nickName ?? "",
    displayName: profile.displayName ?? "",
    preferredLanguage: profile.preferredLanguage ?? "und",
    gender: profile.gender ?? "GENDER_UNSPECIFIED",
    email: email.email,
    isEmailVerified: email.isVerified ?? false,
    phone: phone.phone ?? "",
    isPhoneVerified: phone.isVerified ?? false,
  };
}

/** Microseconds of a moment as PostgreSQL or an API writes it. */
function microsOf(text: unknown): number {
  const [, whole = "", fraction = ""] = /^(.{19})(?:\.(\d+))?/.exec(String(text)) ?? [];
  return Date.parse(`${whole}Z`) * 1_000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** Compare everybody, field by field, with the instance they come from. */
export async function expectPeople(
  served: Served,
  world: World,
  { withOrigin }: { readonly withOrigin: boolean },
): Promise<void> {
  const found = await everybody(served);
  const people = present(world);
  const wanted = people.map(({ person, shown }) => shownAs(person, shown));
  expect(people.map(({ person }) => flat(found.get(person.id) ?? {}))).toEqual(wanted);
  expect(found.size).toBe(people.length);
  if (!withOrigin) return;
  const origins = people.map(({ person }) => {
    const { sequence, creationDate, changeDate } = (found.get(person.id)?.details ?? {}) as Json;
    return [sequence, microsOf(creationDate), microsOf(changeDate)];
  });
  expect(origins).toEqual(
    people.map(({ person: { sequence, creationDate, changeDate } }) => [
      String(sequence),
      microsOf(creationDate),
      microsOf(changeDate),
    ]),
  );
}

/** Compare the metadata of everybody who has some. */
export async function expectMetadata({ post }: Served, world: World): Promise<void> {
  for (const { person, shown } of present(world)) {
    if (shown.metadata.size === 0) continue;
    const answer = await post(`/v2/users/${person.id}/metadata/search`, {
      pagination: { limit: 1_000, asc: true },
    });
    const metadata = (answer.metadata ?? []) as Json[];
    const entries = metadata.map(({ key, value }) => [key, value]);
    const wanted = [...shown.metadata].map(([key, value]) => [key, value.toString("base64")]);
    expect(entries).toEqual(wanted.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)));
  }
}

/** Compare the history of some people: types, sequence, dates and editors. */
export async function expectHistory({ post }: Served, world: World, every: number): Promise<void> {
  for (const [index, { person }] of present(world).entries()) {
    if (index % every !== 0) continue;
    const path = `/management/v1/users/${person.id}/changes/_search`;
    const query = { limit: 1_000, asc: true };
    const { result = [] } = await post(path, { query }, person.organization.id);
    const changes = (result as Json[]).map((each) => [
      String((each.eventType as Json).key).replace("EventTypes.", ""),
      each.sequence,
      microsOf(each.changeDate),
      each.editorId,
    ]);
    expect(changes).toEqual(
      person.kept.map(({ type, version, at, creator }) => [
        type,
        String(version),
        microsOf(at),
        creator,
      ]),
    );
  }
}
