import { ServiceError } from "../domain/errors.ts";
import type { HumanStatus } from "../domain/human-state.ts";
import type { Query } from "../store/search.ts";

/** How many queries may be around a query, as in ZITADEL. */
const maxLevel = 20;
/** In one request, nested ones included. Each may compare a text of every user. */
const maxQueries = 100;

/** One query per type of user. */
export type UserQueries = { readonly human: Query; readonly machine: Query };

/**
 * @param inside The queries within a query.
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`.
 */
export function assertSize<Asked>(
  queries: readonly Asked[],
  inside: (query: Asked) => readonly Asked[],
): void {
  let count = 0;
  const visit = (level: readonly Asked[], depth: number) => {
    count += level.length;
    if (count > maxQueries) throw new ServiceError("queryTooLarge");
    for (const each of level) {
      if (depth > maxLevel) throw new ServiceError("queryTooDeep");
      visit(inside(each), depth + 1);
    }
  };
  visit(queries, 0);
}

/** @param status `undefined`: a state that no user can have, which matches nobody. */
export function statusQuery(status: HumanStatus | undefined): Query {
  if (status === undefined) return constant(false);
  // A state is in lower case anyway, so it is compared in the index, which holds texts in lower case.
  return { kind: "text", key: "state", text: status, method: "equals", ignoreCase: true };
}

/** True of everybody, or of nobody. */
export function constant(isTrue: boolean): Query {
  return { kind: isTrue ? "and" : "or", queries: [] };
}
