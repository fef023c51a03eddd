import type { Micros } from "./event-store.ts";
import type { SearchScope } from "./search.ts";

/**
 * Memberships of one subject. They are read with each call of a subject that has not called for two seconds,
 * and ListUsers of v2 searches all of their organizations.
 */
export const maxMemberships = 1_000;

export type Organization = {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Micros;
};

/** A program that calls the API. It is not a stream, so it has no history. */
export type ServiceAccount = {
  readonly id: string;
  readonly organization: string;
  /** Unique within the organization. */
  readonly name: string;
  readonly createdAt: Micros;
};

/** A personal access token of a service account. The secret itself is not kept. */
export type Token = {
  readonly id: string;
  /** SHA-256 of the secret, lower-case hex. Unique. */
  readonly digest: string;
  /** Id of the service account it belongs to. */
  readonly account: string;
  readonly createdAt: Micros;
  readonly expiresAt: Micros | undefined;
  readonly revokedAt: Micros | undefined;
};

/** A role that a subject has in one organization, or in all of them. */
export type Membership = {
  /** Id of a service account, or the `sub` of an external token. */
  readonly subject: string;
  /** `undefined`: on the whole instance. */
  readonly organization: string | undefined;
  /** Such as `ORG_OWNER`. */
  readonly role: string;
};

/** Records that are written together. */
export type NewRecords = {
  readonly organizations?: readonly Organization[];
  readonly serviceAccounts?: readonly ServiceAccount[];
  readonly tokens?: readonly Token[];
  readonly memberships?: readonly Membership[];
};

/** Who may call: organizations, service accounts, their tokens, and memberships. Plain records. */
export interface Directory {
  /**
   * Write all the records in one transaction; durable once resolved.
   *
   * @throws RecordExistsError if an id, a digest, an organization's name or an account's name in its
   *   organization exists already; nothing was written. A membership that exists is left as it is.
   */
  add(records: NewRecords): Promise<void>;

  /**
   * `add`, but only into a directory without any organization.
   *
   * @returns Whether the records were written.
   */
  found(records: NewRecords): Promise<boolean>;

  organization(id: string): Promise<Organization | undefined>;
  /** In order of creation. */
  organizations(): Promise<Organization[]>;

  serviceAccount(id: string): Promise<ServiceAccount | undefined>;
  /** Of the organizations within the scope, in order of creation. */
  serviceAccounts(scope: SearchScope): Promise<ServiceAccount[]>;
  serviceAccountByName(organization: string, name: string): Promise<ServiceAccount | undefined>;

  /** The token with this digest and its account, whether or not it is still valid. */
  tokenByDigest(digest: string): Promise<{ token: Token; account: ServiceAccount } | undefined>;
  /** In order of creation, each with its account. */
  tokens(): Promise<{ token: Token; account: ServiceAccount }[]>;
  /** @returns Whether there was such a token. Revoking twice keeps the first date. */
  revokeToken(id: string, at: Micros): Promise<boolean>;

  /** In the order in which they were given; the first `maxMemberships`. */
  memberships(subject: string): Promise<Membership[]>;
  /** Of everybody, in the order in which they were given. */
  everyMembership(): Promise<Membership[]>;
  /** @returns Whether there was such a membership. */
  removeMembership(membership: Membership): Promise<boolean>;

  close(): Promise<void>;
}

/** A record with the same id, digest or name exists. Nothing was written. */
export class RecordExistsError extends Error {
  override readonly name = "RecordExistsError";
}
