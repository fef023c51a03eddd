import type { TakeTurn } from "./failed-attempts.ts";

/** Who calls. */
export type Caller = {
  /** Id of a service account, or the `sub` of an external token. */
  readonly subject: string;
  /** The caller's home: the organization of a call that names none. */
  readonly organization: string;
  /** BCP 47 tag in which the caller wants to be answered; `undefined` if the token does not say. */
  readonly language: string | undefined;
};

/**
 * Recognises one kind of bearer token.
 *
 * @param token As sent, without the "Bearer " prefix; at most 8,192 characters.
 * @param takeTurn What has to be asked about the token is asked through it.
 * @returns The caller, or `undefined` if the token is of another kind.
 * @throws ServiceError `tokenInvalid` if the token is of this kind and refused;
 *   `identityProviderUnavailable` if only an identity provider could tell, and it does not.
 */
export type Authenticator = {
  (token: string, takeTurn: TakeTurn): Promise<Caller | undefined>;
  /**
   * The caller, if it is remembered that the token is valid at this moment: nobody is asked, and nobody
   * waits. Without it, nothing is remembered.
   */
  readonly remembered?: (token: string) => Caller | undefined;
};
