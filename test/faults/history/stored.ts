import { type Profile as DomainProfile, genders } from "../../../src/domain/profile.ts";
import type { EventStore, Micros } from "../../../src/store/event-store.ts";
import { profileText, type StoredUser, sortableDate } from "./history.ts";

/** More events than any user has here. */
const limit = 1_000_000;

/** Read users from a store through the port alone, and fold their events with the simplest rule. */
export function storedUsers(
  store: EventStore,
  organization: string,
  users: readonly string[],
): Promise<StoredUser[]> {
  return Promise.all(users.map((user) => storedUser(store, organization, user)));
}

async function storedUser(store: EventStore, owner: string, user: string): Promise<StoredUser> {
  const history = await store.history(user, owner, { after: 0, limit, ascending: true });
  const head = await store.load<{ profile: DomainProfile }>(user, owner);
  if (head === undefined) throw new Error(`${user} is not stored`);
  let fold: Partial<DomainProfile> = {};
  const events = history.map(({ version, at, data }) => {
    fold = { ...fold, ...data };
    return { sequence: version, changeDate: dateFromMicros(at), owner, profile: textOf(fold) };
  });
  return {
    user,
    events,
    head: {
      sequence: head.version,
      changeDate: dateFromMicros(head.changedAt),
      owner: head.organization,
      profile: textOf(head.state.profile),
    },
  };
}

const genderNames = new Map<unknown, string>(
  Object.entries(genders).map(([name, value]) => [value, `GENDER_${name.toUpperCase()}`]),
);

function textOf(profile: Partial<DomainProfile>): string {
  return profileText({ ...profile, gender: genderNames.get(profile.gender) });
}

function dateFromMicros(micros: Micros): string {
  const millis = Math.floor(micros / 1_000);
  const rest = String(micros - millis * 1_000).padStart(3, "0");
  return sortableDate(new Date(millis).toISOString().replace("Z", `${rest}Z`));
}
