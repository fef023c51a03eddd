import { readFileSync } from "node:fs";
import type { Directory } from "../store/directory.ts";
import type { EventStore, Micros } from "../store/event-store.ts";
import type { Authenticator } from "./caller.ts";
import { createPersonalAccessTokenAuthenticator } from "./personal-access-token.ts";
import { createExternalCaller } from "./provider/external-caller.ts";

/** The issuer whose JWTs are accepted, and the audience that they must name. */
export type Oidc = { readonly issuer: string; readonly audience: string };

/** The endpoint that is asked about other tokens (RFC 7662), and our credentials there. */
export type Introspection = {
  readonly url: string;
  readonly clientId: string;
  /** White space around the secret is ignored. */
  readonly clientSecretFile: string;
};

/**
 * Make the authenticators, in the order in which they are asked: for our own tokens, for JWTs of the
 * issuer, and for whatever else the provider knows. Exactly one recognises a token.
 *
 * Modules that the configuration does not need are not loaded.
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
    if (clientSecret === "") {
      throw new Error(
        `${clientSecretFile} is empty now: give a file, because it is read more than once`,
      );
    }
    const client = { ...rest, clientSecret, expected: oidc };
    authenticators.push(createIntrospectionAuthenticator({ ...client, callerOf, now }));
  }
  return authenticators;
}
