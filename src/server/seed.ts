import { createUserLines } from "../bulk/line/user-line.ts";
import { type Directory, RecordExistsError } from "../store/directory.ts";
import { type EventStore, type Micros, UniqueKeyTakenError } from "../store/event-store.ts";
import { firstRecords, organizationId } from "./bootstrap.ts";

/** What the database of a test contains at the start. */
export type Seed = {
  /** Their ids, which are their names, too. */
  readonly organizations: readonly string[];
  /** Each in the form of a line of `giraffe import`. */
  readonly users: readonly object[];
};

/** What a test needs to use the database. */
export type Seeded = {
  /** Of the service account `admin`. */
  readonly token: string;
  /** The one that every server has. */
  readonly organization: string;
  /** In the order of the users. */
  readonly userIds: readonly string[];
};

/**
 * Add to an empty database what every server starts with, then the organizations and users of a test.
 * Users are added one after another, so that of two users that collide the second one is reported.
 *
 * @throws Error that says which organization or user is invalid, and why.
 */
export async function seed(
  store: EventStore,
  directory: Directory,
  { organizations, users }: Seed,
  { newId, now }: { readonly newId: () => string; readonly now: () => Micros },
): Promise<Seeded> {
  const createdAt = now();
  const { secret, admin, records } = firstRecords(newId, createdAt);
  const known = [organizationId, ...organizations];
  const others = organizations.map((id) => ({ id, name: id, createdAt }));
  try {
    await directory.add({ ...records, organizations: [...records.organizations, ...others] });
  } catch (error) {
    if (!(error instanceof RecordExistsError)) throw error;
    throw new Error(`organizations: the id ${JSON.stringify(repeated(known))} is listed twice`, {
      cause: error,
    });
  }
  const parts = { newId, known, creator: admin };
  const userIds = await addUsers(store, users, parts);
  return { token: secret, organization: organizationId, userIds };
}

/**
 * Add users one after another.
 *
 * @param parts.known Ids of the organizations that there are.
 * @returns Their ids, in their order.
 * @throws Error that says which user is invalid, and why.
 */
export async function addUsers(
  store: EventStore,
  users: readonly object[],
  parts: {
    readonly newId: () => string;
    readonly known: readonly string[];
    readonly creator: string;
  },
): Promise<string[]> {
  const { newId, known, creator } = parts;
  const userIds: string[] = [];
  if (users.length === 0) return userIds;
  const lines = createUserLines();
  async function add(user: object): Promise<string> {
    const line = lines.read(JSON.stringify(user), creator);
    const { userId = newId(), organization = organizationId, decisions } = line;
    if (!known.includes(organization)) {
      throw new Error(`there is no organization ${JSON.stringify(organization)}`);
    }
    let version = 0;
    for (const decision of decisions) {
      const before = version;
      await store.change(userId, organization, (head) => {
        if ((head?.version ?? 0) !== before) throw new UniqueKeyTakenError();
        return decision;
      });
      version += decision.events.length;
    }
    return userId;
  }
  for (const [index, user] of users.entries()) {
    try {
      userIds.push(await add(user));
    } catch (error) {
      throw new Error(`users[${index}]: ${reasonOf(error)}`, { cause: error });
    }
  }
  return userIds;
}

/** The first id that equals an earlier one. */
function repeated(ids: readonly string[]): string | undefined {
  return ids.find((id, index) => ids.indexOf(id) < index);
}

function reasonOf(error: unknown): string {
  if (error instanceof UniqueKeyTakenError) return "its userId or userName is taken";
  return error instanceof Error ? error.message : String(error);
}
