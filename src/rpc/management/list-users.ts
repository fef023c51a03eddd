import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { UserFieldName } from "../../../gen/zitadel/user_pb.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore, Micros } from "../../store/event-store.ts";
import { matcher } from "../../store/search.ts";
import { extrasKey } from "../extras/extras.ts";
import { organizationKey } from "../gate/authorize.ts";
import { limitOf, startOf } from "../list-page.ts";
import { entryFromServiceAccount, keysOfColumns, pageOfUsers } from "../page-of-users.ts";
import { timestampFromMicros } from "./messages/details.ts";
import { userFromHead, userFromServiceAccount } from "./messages/user.ts";
import { userQueriesFrom } from "./messages/user-query.ts";

const keyOfColumn = keysOfColumns(UserFieldName);

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
    const { human, machine } = userQueriesFrom(queries, values.get(extrasKey));
    const wanted = {
      scope: organization,
      query: human,
      sortBy: keyOfColumn.get(sortingColumn),
      ascending: query?.asc ?? false,
      offset: startOf(query?.offset),
      limit: limitOf(query?.limit),
    };
    const viewedAt = now();
    const machines = (await directory.serviceAccounts(organization))
      .map((account) => entryFromServiceAccount(account, userFromServiceAccount))
      .filter(matcher(machine));
    const { total, users } = await pageOfUsers(store, wanted, machines, userFromHead, signal);
    return {
      details: {
        totalResult: BigInt(total),
        viewTimestamp: timestampFromMicros(viewedAt),
      },
      sortingColumn,
      result: [...users],
    };
  };
}
