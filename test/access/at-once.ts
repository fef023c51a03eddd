import { bearerTokenFrom } from "../../src/access/bearer-token.ts";
import type { Authenticator } from "../../src/access/caller.ts";

/** The authenticator, whose questions never wait for a turn. */
export function askingAtOnce(authenticate: Authenticator) {
  return (token: string) => authenticate(bearerTokenFrom(token), (_whom, question) => question());
}
