import type { OrganizationQuery, Query, SearchScope } from "../search.ts";

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
