import type { OrganizationQuery, Query, SearchScope } from "../search.ts";
import type { SearchOptions } from "./search-heads.ts";
import { organizationsStatement, ownersStatement } from "./search-sql.ts";

/** Organizations that statements name where tables are distributed, at most. With more, each statement finds them. */
const maxNamed = 5_000;

/**
 * The part of a scope in which a query can find anything: queries for organizations that all results must match
 * narrow it. So a search of one organization among many costs what a search of one costs.
 */
export function narrowedScope(scope: SearchScope, query: Query): SearchScope {
  return organizationQueries(query).reduce(intersection, scope);
}

function organizationQueries(query: Query): readonly OrganizationQuery[] {
  if (query.kind === "and") return query.queries.flatMap(organizationQueries);
  return query.kind === "organizations" ? [query] : [];
}

function intersection(scope: SearchScope, { organizations }: OrganizationQuery): SearchScope {
  if (typeof scope !== "string" && "everyOrganization" in scope) return organizations;
  const within = typeof scope === "string" ? [scope] : scope;
  return within.filter((organization) => organizations.includes(organization));
}

/**
 * The part of a scope that has any streams. If that is one organization, its index is in the order of the page. Where
 * tables are distributed, every organization is named: no part can tell which there are, and without their names
 * PostgreSQL compares each row of a part with all others.
 *
 * @returns `undefined` if no organization of the scope has any.
 */
export async function populatedScope(
  { dialect, lookUp }: Pick<SearchOptions, "dialect" | "lookUp">,
  scope: SearchScope,
): Promise<SearchScope | undefined> {
  if (typeof scope === "string") return scope;
  const [row] = await lookUp(ownersStatement(dialect, scope));
  if (row === undefined || row.first === null) return undefined;
  if (row.first === row.last) return String(row.first);
  if (!dialect.isDistributed || !("everyOrganization" in scope)) return scope;
  const rows = await lookUp(organizationsStatement(dialect, maxNamed + 1));
  return rows.length > maxNamed ? scope : rows.map(({ organization }) => String(organization));
}
