import type { Wish } from "../json/json-document.ts";

/** Where the organizations may be: alone in an answer of ExportData, or in a request of ImportData. */
const wrappers: ReadonlySet<string> = new Set([
  "dataOrgs",
  "data_orgs",
  "dataOrgsv1",
  "data_orgsv1",
]);

/** The place of a value within its organization; `undefined` if it is not in one. */
export function placeInOrganization(path: readonly string[]): readonly string[] | undefined {
  const from = wrappers.has(path[0] ?? "") ? 1 : 0;
  return path[from] === "orgs" && path[from + 1] === "*" ? path.slice(from + 2) : undefined;
}

/**
 * What to do with each value of an export.
 *
 * @param wishes For values of an organization, such as `orgId` or `humanUsers/*`. Elements of other lists are
 *   counted; all else is passed over.
 */
export function wishesFor(
  wishes: Readonly<Record<string, Wish>>,
): (path: readonly string[]) => Wish {
  return (path) => {
    const place = placeInOrganization(path);
    if (place === undefined) return path.length <= 2 ? "enter" : "skip";
    if (place.length === 0) return "enter";
    const name = place.join("/");
    const wish = Object.hasOwn(wishes, name) ? wishes[name] : undefined;
    if (wish !== undefined) return wish;
    if (place.length === 1) return "enter";
    return place.length === 2 && place[1] === "*" ? "count" : "skip";
  };
}
