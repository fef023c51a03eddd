import { readFileSync } from "node:fs";
import type { Directory } from "../store/directory.ts";
import type { EventStore, Micros } from "../store/event-store.ts";
import type { Authenticator } from "./caller.ts";
import { createPersonalAccessTokenAuthenticator } from "./personal-access-token.ts";
import { createExternalCaller } from "./provider/external-caller.ts";

/** Where JWTs come from, and whom they must be meant for. */
export type Oidc = { readonly issuer: string; readonly audience: string };

/** Whom to ask about other tokens, and as whom. */
export type Introspection = {
  readonly url: string;
  readonly clientId: string;
  /** Its white space at the ends does not count. */
  readonly clientSecretFile: string;
};

/**
 * Who recognises tokens, in the order in which they are asked: our own tokens, the issuer's JWTs, and
 * whatever else the provider knows. A token is recognised by exactly one.
 *
 * What is not configured is not loaded.
 *
 * @throws Error if the file with the secret cannot be read.
 */
export async function createAuthenticators(options: {
  readonly directory: Directory;
  readonly store: EventStore;
  readonly oidc: Oidc | undefined;
  readonly introspection: Introspection | undefined;
  readonly now: () => Micros;
}): Promise<readonly Authenticator[]> {
  const { directory, store, oidc, introspection, now } = options;
  const callerOf = createExternalCaller({ directory, store });
  const authenticators = [createPersonalAccessTokenAuthenticator(directory, { now })];
  if (oidc !== undefined) {
    const { createJwtAuthenticator } = await import("./provider/jwt.ts");
    authenticators.push(createJwtAuthenticator({ ...oidc, callerOf, now }));
  }
  if (introspection !== undefined) {
    const { createIntrospectionAuthenticator } = await import("./provider/introspection.ts");
    const { clientSecretFile, ...rest } = introspection;
    const clientSecret = readFileSync(clientSecretFile, "utf8").trim();
    const client = { ...rest, clientSecret, expected: oidc };
    authenticators.push(createIntrospectionAuthenticator({ ...client, callerOf, now }));
  }
  return authenticators;
}
