import type { Query } from "../../search.ts";

/** The keys that a search compares or sorts by. */
export function namesOfKeys(query: Query, sortBy: string | undefined): ReadonlySet<string> {
  const names = new Set<string>(sortBy === undefined ? [] : [sortBy]);
  addNames(query, names);
  return names;
}

function addNames(query: Query, names: Set<string>): void {
  switch (query.kind) {
    case "and":
    case "or":
      for (const each of query.queries) addNames(each, names);
      return;
    case "not":
      addNames(query.query, names);
      return;
    case "one-of":
    case "text":
      names.add(query.key);
      return;
    case "attribute":
    case "organizations":
    case "streams":
  }
}
