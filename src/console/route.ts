import { type Kind, kinds, type State, states, type Terms } from "./search/terms.ts";
import { canNameOrganization } from "./sign-in/session.ts";

/** What the address of the page says, so that a link leads others to the same place. */
export type Place = {
  /** Who is shown; empty for nobody. */
  readonly userId: string;
  readonly terms: Terms;
  /** The id of an organization; empty for that of the token. */
  readonly organization: string;
};

/**
 * @param hash The fragment of the address of the page, which is never sent to the server.
 * @returns Whatever cannot be read counts as not there.
 */
export function placeFrom(hash: string): Place {
  const [path = "", query = ""] = hash.split("?", 2);
  const parameters = new URLSearchParams(query);
  const text = (name: string) => parameters.get(name) ?? "";
  return {
    userId: userIdFrom(path),
    terms: {
      text: text("q"),
      kind: kinds.find((each): each is Kind => each === text("kind")) ?? "people",
      state: states.find((each): each is State => each === text("state")) ?? "",
    },
    organization: canNameOrganization(text("org")) ? text("org") : "",
  };
}

/** The fragment that leads to a place. */
export function hrefTo({ userId, terms, organization }: Place): string {
  const parameters = new URLSearchParams();
  if (terms.text !== "") parameters.set("q", terms.text);
  if (terms.kind !== "people") parameters.set("kind", terms.kind);
  if (terms.state !== "") parameters.set("state", terms.state);
  if (organization !== "") parameters.set("org", organization);
  const path = userId === "" ? "#/" : `#/users/${encodeURIComponent(userId)}`;
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

/** The link to a user that leaves everything else as it is. */
export function hrefToUser(userId: string): string {
  return hrefTo({ ...placeFrom(location.hash), userId });
}

function userIdFrom(path: string): string {
  const [, encoded] = /^#\/users\/([^/]+)$/.exec(path) ?? [];
  if (encoded === undefined) return "";
  try {
    return decodeURIComponent(encoded);
  } catch {
    // The fragment is not one that `hrefTo` has made.
    return "";
  }
}
