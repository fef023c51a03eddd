import type { ContextValues, MethodImpl } from "@connectrpc/connect";
import { UserFieldName } from "../../../gen/zitadel/user/v2/query_pb.ts";
import type { User } from "../../../gen/zitadel/user/v2/user_pb.ts";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore, Micros } from "../../store/event-store.ts";
import { matcher, matches, type SearchScope } from "../../store/search.ts";
import { extrasKey } from "../extras/extras.ts";
import { callerKey } from "../gate/authenticate.ts";
import { membershipsKey, scopeOf } from "../gate/standing.ts";
import { allowedLimitOf, startOf } from "../list-page.ts";
import { timestampFromMicros } from "../management/messages/details.ts";
import {
  type Entry,
  entryFromHead,
  entryFromServiceAccount,
  keysOfColumns,
  pageOfUsers,
} from "../page-of-users.ts";
import type { UserQueries } from "../user-queries.ts";
import { userFromHead, userFromServiceAccount } from "./messages/user.ts";
import { userQueriesFrom } from "./messages/user-query.ts";

const keyOfColumn = keysOfColumns(UserFieldName);

type ListParts = {
  readonly store: EventStore;
  readonly directory: Directory;
  readonly now: () => Micros;
};

/**
 * List the users that the caller may read, and the caller: humans and machines of all organizations. Nobody
 * is refused; who may read nobody finds itself.
 *
 * Machines are records of the directory. There are few, so all of them are compared here.
 */
export function createListUsers({
  store,
  directory,
  now,
}: ListParts): MethodImpl<typeof UserService.method.listUsers> {
  const readable = async (scope: SearchScope, queries: UserQueries): Promise<Entry<User>[]> =>
    (await directory.serviceAccounts(scope))
      .map((account) => entryFromServiceAccount(account, userFromServiceAccount))
      .filter(matcher(queries.machine));

  /** The caller, if it lives outside of the scope and matches. */
  const self = async (
    values: ContextValues,
    scope: SearchScope,
    queries: UserQueries,
    signal: AbortSignal,
  ): Promise<Entry<User>[]> => {
    const subject = values.get(callerKey)?.subject ?? "";
    const head = await store.loadOnInstance<HumanState>(subject);
    if (head === undefined) {
      const account = await directory.serviceAccount(subject);
      if (account === undefined || isWithin(account.organization, scope)) return [];
      const entry = entryFromServiceAccount(account, userFromServiceAccount);
      return matches(queries.machine, entry) ? [entry] : [];
    }
    const entry = entryFromHead(subject, head, userFromHead);
    if (entry === undefined || isWithin(head.organization, scope)) return [];
    // Asked of the store, which knows the metadata, too.
    const only = { kind: "streams", streams: [subject] } as const;
    const query = { kind: "and", queries: [only, queries.human] } as const;
    const wanted = { query, sortBy: undefined, ascending: true, offset: 0, limit: 1 };
    const { total } = await store.search(head.organization, wanted, signal);
    return total > 0 ? [entry] : [];
  };

  return async ({ query, sortingColumn, queries: asked }, { values, signal }) => {
    const limit = allowedLimitOf(query?.limit);
    const queries = userQueriesFrom(asked, values.get(extrasKey));
    const scope = scopeOf(values.get(membershipsKey), "user.read");
    const viewedAt = now();
    const others = [
      ...(await readable(scope, queries)),
      ...(await self(values, scope, queries, signal)),
    ];
    const wanted = {
      scope,
      query: queries.human,
      sortBy: keyOfColumn.get(sortingColumn),
      ascending: query?.asc ?? false,
      offset: startOf(query?.offset),
      limit,
    };
    const { total, users } = await pageOfUsers(store, wanted, others, userFromHead, signal);
    return {
      details: { totalResult: BigInt(total), timestamp: timestampFromMicros(viewedAt) },
      result: [...users],
    };
  };
}

function isWithin(organization: string, scope: SearchScope): boolean {
  if (typeof scope === "string") return scope === organization;
  return "everyOrganization" in scope || scope.includes(organization);
}
