import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { type User, UserFieldName } from "../../../gen/zitadel/user_pb.ts";
import type { HumanState } from "../../domain/human-state.ts";
import { momentKey, type SearchKeyName, searchKeys } from "../../domain/search-keys.ts";
import type { Directory, ServiceAccount } from "../../store/directory.ts";
import type { EventStore, Head, Micros } from "../../store/event-store.ts";
import { matches, type Search, sorted } from "../../store/search.ts";
import { organizationKey } from "../gate/authorize.ts";
import { timestampFromMicros } from "./details.ts";
import { userFromHead, userFromServiceAccount } from "./user.ts";
import { userQueriesFrom } from "./user-query.ts";

/** Users in one answer if the caller sets no limit. */
const defaultLimit = 100;
/** Users in one answer at most. */
const maxLimit = 1_000;

/** The key of each column. Other columns sort by id. As a type, human comes before machine. */
const keyOfColumn: Readonly<Partial<Record<UserFieldName, SearchKeyName | "type">>> = {
  [UserFieldName.USER_NAME]: "userName",
  [UserFieldName.FIRST_NAME]: "firstName",
  [UserFieldName.LAST_NAME]: "lastName",
  [UserFieldName.NICK_NAME]: "nickName",
  [UserFieldName.DISPLAY_NAME]: "displayName",
  [UserFieldName.EMAIL]: "email",
  [UserFieldName.STATE]: "state",
  [UserFieldName.TYPE]: "type",
  [UserFieldName.CREATION_DATE]: "createdAt",
};

/**
 * List users of the organization, humans and machines, as ZITADEL does. Sees every change that was
 * acknowledged before.
 *
 * Machines are records of the directory. There are few, so all of them are compared here, and merged
 * with the humans that the store finds.
 */
export function createListUsers(
  store: EventStore,
  directory: Directory,
  now: () => Micros,
): MethodImpl<typeof ManagementService.method.listUsers> {
  return async ({ query, sortingColumn, queries }, { values, signal }) => {
    const organization = values.get(organizationKey);
    const { human, machine } = userQueriesFrom(queries);
    const sortBy = keyOfColumn[sortingColumn];
    const order = { sortBy, ascending: query?.asc ?? false };
    const offset = Math.min(Number(query?.offset ?? 0n), Number.MAX_SAFE_INTEGER);
    const limit = Math.min(query?.limit || defaultLimit, maxLimit);
    const viewedAt = now();

    const machines = (await directory.serviceAccounts(organization))
      .map(entryFromServiceAccount)
      .filter((entry) => matches(machine, { ...entry, organization }));
    const wanted: Search = {
      query: human,
      // All humans are of one type.
      sortBy: sortBy === "type" ? undefined : sortBy,
      ascending: order.ascending,
      ...humansOfPage(offset, limit, machines.length),
    };
    const found = await store.search<HumanState>(organization, wanted, signal);
    const humans = found.results.flatMap(({ stream, head }) => entriesFromHead(stream, head));
    const merged = sorted([...humans, ...machines], order);
    const start = Math.min(offset, machines.length);
    return {
      details: {
        totalResult: BigInt(found.total + machines.length),
        viewTimestamp: timestampFromMicros(viewedAt),
      },
      sortingColumn,
      result: merged.slice(start, start + limit).map(({ user }) => user),
    };
  };
}

/** A user, with the keys that it is compared and sorted by. */
type Entry = {
  readonly stream: string;
  readonly keys: Readonly<Record<SearchKeyName | "type", string>>;
  readonly user: User;
};

function entryFromServiceAccount(account: ServiceAccount): Entry {
  return {
    stream: account.id,
    keys: { ...machineKeys(account), type: "machine" },
    user: userFromServiceAccount(account),
  };
}

/** Empty for a human who was removed. */
function entriesFromHead(stream: string, head: Head<HumanState>): Entry[] {
  const keys = searchKeys(head);
  const user = userFromHead(stream, head);
  return keys && user ? [{ stream, keys: { ...keys, type: "human" }, user }] : [];
}

/**
 * The humans that may be on a page of the merged list. Up to `machines` of the entries before the page
 * may be machines, so fewer humans are skipped, and more are loaded. In the merged list of these humans
 * and all machines the page starts at index `min(offset, machines)`.
 */
function humansOfPage(offset: number, limit: number, machines: number) {
  return { offset: Math.max(0, offset - machines), limit: limit + Math.min(offset, machines) };
}

/** Texts that a machine does not have are empty. */
function machineKeys({ name, createdAt }: ServiceAccount): Record<SearchKeyName, string> {
  return {
    userName: name,
    firstName: "",
    lastName: "",
    nickName: "",
    displayName: "",
    email: "",
    state: "active",
    createdAt: momentKey(createdAt),
  };
}
