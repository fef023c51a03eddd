import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { EventStore } from "../../store/event-store.ts";
import type { Search } from "../../store/search.ts";
import { findUserName } from "./one-user/find-user-name.ts";

/**
 * Say whether nobody on the instance has a user name, an e-mail address or, if both are sent, both of them.
 *
 * Names are compared in any case, as when a user is added. With neither, the answer is no, because there always is
 * some user, as in ZITADEL.
 */
export function createIsUserUnique(
  store: EventStore,
): MethodImpl<typeof ManagementService.method.isUserUnique> {
  return async ({ userName, email }, { signal }) => {
    if (userName !== "") return { isUnique: !(await hasNamesake(store, userName, email)) };
    if (email === "") return { isUnique: false };
    return { isUnique: !(await hasEmail(store, email, signal)) };
  };
}

/** @param email Of the namesake; `""`: any. */
async function hasNamesake(store: EventStore, userName: string, email: string): Promise<boolean> {
  const found = await findUserName(store, userName);
  return found !== undefined && (email === "" || found.human.email === email);
}

async function hasEmail(store: EventStore, email: string, signal: AbortSignal): Promise<boolean> {
  const search: Search = {
    query: { kind: "text", key: "email", text: email, method: "equals", ignoreCase: false },
    sortBy: undefined,
    ascending: true,
    offset: 0,
    limit: 1,
  };
  const { total } = await store.search({ everyOrganization: true }, search, signal);
  return total > 0;
}
