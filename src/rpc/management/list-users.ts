import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { UserFieldName } from "../../../gen/zitadel/user_pb.ts";
import type { HumanState } from "../../domain/human.ts";
import { momentKey, type SearchKeyName, searchKeys } from "../../domain/search-keys.ts";
import type { Directory, ServiceAccount } from "../../store/directory.ts";
import type { EventStore, Micros } from "../../store/event-store.ts";
import { matches, type Search, sorted } from "../../store/search.ts";
import { organizationKey } from "../gate/authorize.ts";
import { timestampFromMicros } from "./details.ts";
import { userFromHead, userFromServiceAccount } from "./user.ts";
import { userQueriesFrom } from "./user-query.ts";

/** Users in one answer, if the caller sets no limit, and at most. */
const defaultLimit = 100;
const maxLimit = 1_000;

/** What a list is sorted by; by the id if it is nothing of these. Humans come before machines. */
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
 * Machines are records of the directory. There are few, so all of them are compared here, and put in
 * their places among the humans that the store has found.
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

    const accounts = await directory.serviceAccounts(organization);
    const machines = accounts
      .map((account) => ({
        stream: account.id,
        keys: { ...machineKeys(account), type: "machine" },
        user: userFromServiceAccount(account),
      }))
      .filter(({ stream, keys }) => matches(machine, stream, keys));
    const wanted: Search = {
      query: human,
      // All humans are of one type.
      sortBy: sortBy === "type" ? undefined : sortBy,
      ascending: order.ascending,
      ...widened(offset, limit, machines.length),
    };
    const found = await store.search<HumanState>(organization, wanted, signal);
    const humans = found.results.flatMap(({ stream, head }) => {
      const keys = searchKeys(head);
      const user = userFromHead(stream, head);
      return keys && user ? [{ stream, keys: { ...keys, type: "human" }, user }] : [];
    });
    const places = sorted([...humans, ...machines], order);
    const start = Math.min(offset, machines.length);
    return {
      details: {
        totalResult: BigInt(found.total + machines.length),
        viewTimestamp: timestampFromMicros(viewedAt),
      },
      sortingColumn,
      result: places.slice(start, start + limit).map(({ user }) => user),
    };
  };
}

/**
 * The part of the humans that a part of the whole list can hold: `machines` of those before it may be
 * machines. Sorted together with all machines, it has the part from place `min(offset, machines)` on.
 */
function widened(offset: number, limit: number, machines: number) {
  return { offset: Math.max(0, offset - machines), limit: limit + Math.min(offset, machines) };
}

/** What a machine has no text for is empty. */
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
