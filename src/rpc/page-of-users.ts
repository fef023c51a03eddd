import type { HumanState, PresentHuman } from "../domain/human-state.ts";
import { momentKey, type SearchKeyName, searchKeys, withPlainKeys } from "../domain/search-keys.ts";
import type { ServiceAccount } from "../store/directory.ts";
import type { EventStore, Head } from "../store/event-store.ts";
import { type Query, type SearchScope, sorted } from "../store/search.ts";

/** What a list of users may be sorted by. As a type, human comes before machine. */
export type SortKey = SearchKeyName | "type";

/** Columns that can be sorted by in both versions of the API, with their numbers. */
type Columns = Readonly<Record<keyof typeof sortKeys, number>>;

const sortKeys = {
  USER_NAME: "userName",
  FIRST_NAME: "firstName",
  LAST_NAME: "lastName",
  NICK_NAME: "nickName",
  DISPLAY_NAME: "displayName",
  EMAIL: "email",
  STATE: "state",
  TYPE: "type",
  CREATION_DATE: "createdAt",
} as const satisfies Readonly<Record<string, SortKey>>;

/** All keys that the entries of a page may be sorted by. */
const namesOfSortKeys: ReadonlySet<string> = new Set(Object.values(sortKeys));

/** The key of each column, by its number. Other columns sort by id. */
export function keysOfColumns(columns: Columns): ReadonlyMap<number, SortKey> {
  const names = Object.keys(sortKeys) as (keyof Columns)[];
  return new Map(names.map((name) => [columns[name], sortKeys[name]]));
}

/** A user, with the keys that it is compared and sorted by. */
export type Entry<User> = {
  readonly stream: string;
  readonly organization: string;
  readonly keys: Readonly<Record<SortKey, string>>;
  readonly user: User;
};

/** Which users, and which part of their list. */
export type WantedPage = {
  readonly scope: SearchScope;
  /** What humans must match. */
  readonly query: Query;
  /** `undefined`: by id. */
  readonly sortBy: SortKey | undefined;
  readonly ascending: boolean;
  readonly offset: number;
  readonly limit: number;
};

/**
 * One page of users: the humans that the store finds, merged with others that match already.
 *
 * The others, such as machines, are few. All of them are given, and sorted here.
 *
 * @param show Makes the user of a human; `undefined`: none is shown.
 */
export async function pageOfUsers<User>(
  store: Pick<EventStore, "search">,
  { scope, query, sortBy, ascending, offset, limit }: WantedPage,
  others: readonly Entry<User>[],
  show: (userId: string, head: Head<PresentHuman>) => User | undefined,
  signal: AbortSignal,
): Promise<{ readonly total: number; readonly users: readonly User[] }> {
  const wanted = {
    query,
    // All humans are of one type.
    sortBy: sortBy === "type" ? undefined : sortBy,
    ascending,
    ...humansOfPage(offset, limit, others.length),
  };
  const found = await store.search<HumanState>(scope, wanted, signal);
  const humans = found.results.flatMap(({ stream, head }) => {
    const entry = entryFromHead(stream, head, show);
    return entry === undefined ? [] : [entry];
  });
  const merged = sorted([...humans, ...others], { sortBy, ascending });
  const start = Math.min(offset, others.length);
  return {
    total: found.total + others.length,
    users: merged.slice(start, start + limit).map(({ user }) => user),
  };
}

/** @returns `undefined` for a human who was removed. */
export function entryFromHead<User>(
  stream: string,
  head: Head<HumanState>,
  show: (userId: string, head: Head<PresentHuman>) => User | undefined,
): Entry<User> | undefined {
  const { state, organization } = head;
  const keys = searchKeys(head, namesOfSortKeys);
  if (keys === undefined || state.kind !== "present") return undefined;
  const user = show(stream, { ...head, state });
  return user && { stream, organization, keys: { ...keys, type: "human" }, user };
}

/** Texts that a machine does not have are empty. */
export function entryFromServiceAccount<User>(
  account: ServiceAccount,
  show: (account: ServiceAccount) => User,
): Entry<User> {
  const { id, organization, name, createdAt } = account;
  const names = { firstName: "", lastName: "", nickName: "", displayName: "" };
  const keys = withPlainKeys({
    ...names,
    email: "",
    phone: "",
    userName: name,
    state: "active",
    createdAt: momentKey(createdAt),
  });
  return { stream: id, organization, keys: { ...keys, type: "machine" }, user: show(account) };
}

/**
 * The humans that may be on a page of the merged list. Up to `others` of the entries before the page may be
 * others, so fewer humans are skipped, and more are loaded. In the merged list of these humans and all others
 * the page starts at index `min(offset, others)`.
 */
function humansOfPage(offset: number, limit: number, others: number) {
  return { offset: Math.max(0, offset - others), limit: limit + Math.min(offset, others) };
}
