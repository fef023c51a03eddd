import type { BearerToken } from "./bearer-token.ts";
import type { TakeTurn } from "./failed-attempts.ts";

/** Who calls. */
export type Caller = {
  /** Id of a service account, or the `sub` of an external token. */
  readonly subject: string;
  /** The caller's home: the organization of a call that names none. */
  readonly organization: string;
  /** BCP 47 tag of the language that the caller reads; `undefined` if it is not known. */
  readonly language: string | undefined;
};

/**
 * Recognises one kind of bearer token.
 *
 * @param takeTurn Whatever is asked of the directory or of a provider is asked through it.
 * @returns The caller, or `undefined` if the token is of another kind.
 * @throws ServiceError `tokenInvalid` if the token is of this kind and refused;
 *   `identityProviderUnavailable` if only an identity provider could tell, and it does not.
 */
export type Authenticator = {
  (token: BearerToken, takeTurn: TakeTurn): Promise<Caller | undefined>;
  /**
   * The caller, if the token is still known to be valid from an earlier call. Asks nobody. An
   * authenticator without it has to be asked on every call.
   */
  readonly remembered?: (token: BearerToken) => Caller | undefined;
};
