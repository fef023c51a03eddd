/**
 * Every error this service sends. `id` and `message` go over the wire and are matched on by
 * clients: add entries, never edit one. Ids come from ZITADEL and are not unique there, so code
 * names an error by its key. An empty id means the error travels without id and without
 * ErrorDetail. A message of the form `Errors.…` is a key of the translations.
 *
 * Source: zitadel internal/command/user*.go, internal/query/user*.go, internal/api/authz. Entries
 * without id that are not about the authorization header are Giraffe's own.
 *
 * The file is over 250 lines because it is one table.
 */
export const errors = {
  authHeaderMissing: { kind: "unauthenticated", id: "", message: "auth header missing" },
  authHeaderInvalid: {
    kind: "unauthenticated",
    id: "AUTH-toLo1",
    message: "invalid auth header",
  },
  tokenInvalid: { kind: "unauthenticated", id: "AUTH-7fs1e", message: "Errors.Token.Invalid" },
  tooManyFailedAuthentications: {
    kind: "resource_exhausted",
    id: "",
    message: "too many failed authentications from this address",
  },
  identityProviderUnavailable: {
    kind: "unavailable",
    id: "",
    message: "the identity provider is not available",
  },
  organizationNotFound: {
    kind: "permission_denied",
    id: "AUTH-Bs7Ds",
    message: "Organisation doesn't exist",
  },
  membershipNotFound: { kind: "not_found", id: "AUTHZ-cdgFk", message: "membership not found" },
  permissionMissing: {
    kind: "permission_denied",
    id: "AUTH-5mWD2",
    message: "No matching permissions found",
  },

  fieldInvalid: { kind: "invalid_argument", id: "", message: "invalid field" },
  fieldNotSupported: { kind: "unimplemented", id: "", message: "field not supported" },

  profileNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-3M9sd",
    message: "Errors.User.Profile.NotFound",
  },
  profileNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-2M0fs",
    message: "Errors.User.Profile.NotChanged",
  },
  userAlreadyExists: {
    kind: "already_exists",
    id: "V3-DKcYh",
    message: "Errors.User.AlreadyExists",
  },
  userNameBlank: {
    kind: "invalid_argument",
    id: "V2-zzad3",
    message: "Errors.Invalid.Argument",
  },
  firstNameBlank: {
    kind: "invalid_argument",
    id: "USER-UCej2",
    message: "Errors.User.Profile.FirstNameEmpty",
  },
  lastNameBlank: {
    kind: "invalid_argument",
    id: "USER-4hB7d",
    message: "Errors.User.Profile.LastNameEmpty",
  },
  phoneInvalid: {
    kind: "invalid_argument",
    id: "PHONE-so0wa",
    message: "Errors.User.Phone.Invalid",
  },
  userNotFound: { kind: "not_found", id: "QUERY-Dfbg2", message: "Errors.User.NotFound" },
  humanNotFound: { kind: "not_found", id: "QUERY-HNhb3", message: "Errors.User.NotFound" },
  userNotHuman: {
    kind: "failed_precondition",
    id: "QUERY-WLTce",
    message: "Errors.User.NotHuman",
  },
  queryTooDeep: {
    kind: "invalid_argument",
    id: "USER-zsQ97",
    message: "Errors.Query.TooManyNestingLevels",
  },
  queryTooLarge: { kind: "invalid_argument", id: "", message: "the search has too many queries" },
  queryInvalid: { kind: "invalid_argument", id: "GRPC-vR9nC", message: "List.Query.Invalid" },
  searchTooBroad: {
    kind: "failed_precondition",
    id: "",
    message: "the search would look at too many users: narrow it by what they equal or start with",
  },
  deactivateNotFound: { kind: "not_found", id: "COMMAND-3M9ds", message: "Errors.User.NotFound" },
  alreadyInactive: {
    kind: "failed_precondition",
    id: "COMMAND-5M0sf",
    message: "Errors.User.AlreadyInactive",
  },
  reactivateNotFound: { kind: "not_found", id: "COMMAND-4M0sd", message: "Errors.User.NotFound" },
  notInactive: {
    kind: "failed_precondition",
    id: "COMMAND-6M0sf",
    message: "Errors.User.NotInactive",
  },
  lockNotFound: { kind: "not_found", id: "COMMAND-5M9fs", message: "Errors.User.NotFound" },
  notLockable: {
    kind: "failed_precondition",
    id: "COMMAND-3NN8v",
    message: "Errors.User.ShouldBeActiveOrInitial",
  },
  unlockNotFound: { kind: "not_found", id: "COMMAND-M0dos", message: "Errors.User.NotFound" },
  notLocked: {
    kind: "failed_precondition",
    id: "COMMAND-4M0ds",
    message: "Errors.User.NotLocked",
  },
  removeNotFound: { kind: "not_found", id: "COMMAND-m9od", message: "Errors.User.NotFound" },

  // v1: user name, e-mail and phone.
  newUserNameBlank: { kind: "invalid_argument", id: "COMMAND-2N9fs", message: "Errors.IDMissing" },
  changeUserNameNotFound: {
    kind: "not_found",
    id: "COMMAND-5N9ds",
    message: "Errors.User.NotFound",
  },
  userNameNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-6m9gs",
    message: "Errors.User.UsernameNotChanged",
  },
  getEmailNotFound: { kind: "not_found", id: "QUERY-Hms2s", message: "Errors.User.NotFound" },
  getEmailNotHuman: {
    kind: "failed_precondition",
    id: "QUERY-pt7HY",
    message: "Errors.User.NotHuman",
  },
  changeEmailNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-0Pe4r",
    message: "Errors.User.Email.NotFound",
  },
  emailNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-2b7fM",
    message: "Errors.User.Email.NotChanged",
  },
  getPhoneNotFound: { kind: "not_found", id: "QUERY-DAvb3", message: "Errors.User.NotFound" },
  getPhoneNotHuman: {
    kind: "failed_precondition",
    id: "QUERY-hliQl",
    message: "Errors.User.NotHuman",
  },
  changePhoneNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-3M0fs",
    message: "Errors.User.NotFound",
  },
  phoneNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-wF94r",
    message: "Errors.User.Phone.NotChanged",
  },
  removePhoneNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-3M9fs",
    message: "Errors.User.NotFound",
  },
  phoneNotFound: { kind: "not_found", id: "COMMAND-p6rsc", message: "Errors.User.Phone.NotFound" },

  // Metadata, in both versions.
  metadataNotFound: { kind: "not_found", id: "QUERY-Rgh32", message: "Errors.Metadata.NotFound" },
  metadataUserNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-uXHNj",
    message: "Errors.User.NotFound",
  },
  metadataInvalid: {
    kind: "invalid_argument",
    id: "META-2m00f",
    message: "Errors.Metadata.Invalid",
  },
  metadataListEmpty: {
    kind: "failed_precondition",
    id: "META-9mm2d",
    message: "Errors.Metadata.NoData",
  },
  metadataKeyEmpty: {
    kind: "invalid_argument",
    id: "META-2n0fs",
    message: "Errors.Metadata.Invalid",
  },
  metadataKeyNotFound: { kind: "not_found", id: "META-ncnw3", message: "Errors.Metadata.NotFound" },
  metadataKeysEmpty: {
    kind: "invalid_argument",
    id: "COMMAND-m29ds",
    message: "Errors.Metadata.Invalid",
  },
  metadataKeysNotFound: {
    kind: "not_found",
    id: "META-2nnds",
    message: "Errors.Metadata.KeyNotExisting",
  },
  metadataTooLarge: {
    kind: "failed_precondition",
    id: "",
    message: "the user would have too much metadata",
  },
  limitExceeded: {
    kind: "invalid_argument",
    id: "QUERY-4M0fs",
    message: "Errors.Query.LimitExceeded",
  },

  // v2.
  updateUserNotFound: {
    kind: "not_found",
    id: "COMMAND-ugjs0upun6",
    message: "Errors.User.NotFound",
  },
  userPermissionMissing: {
    kind: "permission_denied",
    id: "AUTH-AWfge",
    message: "No matching permissions found",
  },
  userTypeMissing: {
    kind: "unimplemented",
    id: "",
    hasEmptyId: true,
    message: "user type is not implemented",
  },
  newMetadataKeyEmpty: {
    kind: "invalid_argument",
    id: "USER-Drght",
    message: "Errors.Metadata.Invalid",
  },
  newMetadataValueEmpty: {
    kind: "invalid_argument",
    id: "USER-Dbgth",
    message: "Errors.Metadata.Invalid",
  },
  metadataTwice: {
    kind: "invalid_argument",
    id: "USERv2-j0z7uy",
    message: "Errors.Metadata.Invalid",
  },
  phoneRemovalVerified: {
    kind: "invalid_argument",
    id: "USERv2-4f3d6",
    message: "Errors.User.Phone.VerifyingRemovalIsNotSupported",
  },
  createOrganizationNotFound: {
    kind: "failed_precondition",
    id: "COMMAND-QXPGs",
    message: "Errors.Org.NotFound",
  },
  createUserIdTaken: {
    kind: "failed_precondition",
    id: "COMMAND-7yiox1isql",
    message: "Errors.User.AlreadyExisting",
  },
  setEmailNotFound: {
    kind: "not_found",
    id: "COMMAND-ieJ2e",
    message: "Errors.User.Email.NotFound",
  },
  setEmailNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-Uch5e",
    message: "Errors.User.Email.NotChanged",
  },
  setPhoneNotFound: {
    kind: "not_found",
    id: "COMMAND-ieJ2e",
    message: "Errors.User.Phone.NotFound",
  },
  setPhoneNotChanged: {
    kind: "failed_precondition",
    id: "COMMAND-Uch5e",
    message: "Errors.User.Phone.NotChanged",
  },
  deactivateUserNotFound: {
    kind: "not_found",
    id: "COMMAND-5gp2p62iin",
    message: "Errors.User.NotFound",
  },
  userAlreadyInactive: {
    kind: "failed_precondition",
    id: "COMMAND-5gunjw0cd7",
    message: "Errors.User.AlreadyInactive",
  },
  reactivateUserNotFound: {
    kind: "not_found",
    id: "COMMAND-9hy5kzbuk6",
    message: "Errors.User.NotFound",
  },
  userNotInactive: {
    kind: "failed_precondition",
    id: "COMMAND-s5qqcz97hf",
    message: "Errors.User.NotInactive",
  },
  lockUserNotFound: {
    kind: "not_found",
    id: "COMMAND-450yxuqrh1",
    message: "Errors.User.NotFound",
  },
  userNotLockable: {
    kind: "failed_precondition",
    id: "COMMAND-lgws8wtsqf",
    message: "Errors.User.ShouldBeActiveOrInitial",
  },
  unlockUserNotFound: {
    kind: "not_found",
    id: "COMMAND-x377t913pw",
    message: "Errors.User.NotFound",
  },
  userNotLocked: {
    kind: "failed_precondition",
    id: "COMMAND-olb9vb0oca",
    message: "Errors.User.NotLocked",
  },
  deleteUserNotFound: {
    kind: "not_found",
    id: "COMMAND-bd4ir1mblj",
    message: "Errors.User.NotFound",
  },

  // What a call asks for beside its message.
  versionMismatch: { kind: "aborted", id: "", message: "Errors.User.VersionMismatch" },
  ifMatchInvalid: { kind: "invalid_argument", id: "", message: "Errors.IfMatch.Invalid" },
  ifMatchRequired: { kind: "failed_precondition", id: "", message: "Errors.IfMatch.Required" },
  headerNotBoolean: { kind: "invalid_argument", id: "", message: "Errors.Header.NotBoolean" },

  // Batches.
  batchInvalid: {
    kind: "invalid_argument",
    id: "",
    message: "a batch names 1 to 1,000 users, none of them twice",
  },
  batchNotStored: {
    kind: "aborted",
    id: "",
    message: "not stored, because another update of the batch was refused",
  },
  tooManyBatches: {
    kind: "resource_exhausted",
    id: "",
    message: "too many batches at once: send the next one after the answer to this one",
  },

  // Repeats by key.
  idempotencyKeyInvalid: {
    kind: "invalid_argument",
    id: "",
    message:
      "idempotency-key must be one value of 1 to 255 printable ASCII characters, in quotes or without blanks, commas and quotes",
  },
  idempotencyKeyReused: {
    kind: "invalid_argument",
    id: "",
    message: "the idempotency key was used for another request: use a new key for each request",
  },
  tooManyIdempotencyKeys: {
    kind: "resource_exhausted",
    id: "",
    message: "the caller has used too many idempotency keys within 24 hours",
  },

  storeUnavailable: { kind: "unavailable", id: "", message: "the store is not available" },
  storeOverloaded: { kind: "resource_exhausted", id: "", message: "too many changes are waiting" },
  outcomeUnknown: {
    kind: "unknown",
    id: "",
    message: "it is not known whether the change was stored",
  },
  internal: { kind: "internal", id: "", message: "An internal error occurred" },
} as const satisfies Record<string, CatalogueEntry>;

type CatalogueEntry = {
  readonly kind: ErrorKind;
  readonly id: string;
  /** ZITADEL sends an `ErrorDetail` without an id, and the message ends with empty parentheses. */
  readonly hasEmptyId?: true;
  readonly message: string;
};

/** The name of an error in code, and, in upper snake case, its reason on the wire. */
export type ErrorKey = keyof typeof errors;

/** The kind of an error. `rpc/errors.ts` maps each to its code. */
export type ErrorKind =
  | "aborted"
  | "already_exists"
  | "failed_precondition"
  | "internal"
  | "invalid_argument"
  | "not_found"
  | "permission_denied"
  | "resource_exhausted"
  | "unauthenticated"
  | "unavailable"
  | "unimplemented"
  | "unknown";

/**
 * The request is over and the caller is told why. Thrown by domain, access and rpc.
 *
 * It has no stack trace, because it is an answer and not a fault. Taking one costs a tenth of a refused call.
 */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly key: ErrorKey;
  /** For programs: what the error is about, by name. Goes over the wire, so names never change. */
  readonly values: Readonly<Record<string, string>> | undefined;

  /**
   * @param options.message Sent instead of the catalogue's message: a translation, or a sentence
   *   that names the field. Default: the catalogue's.
   * @param options.values What programs may need to know, such as a version. Default: nothing.
   * @param options.cause For the log. Never sent to the caller.
   */
  constructor(
    key: ErrorKey,
    options: { message?: string; values?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(options.message ?? errors[key].message, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.key = key;
    this.values = options.values;
  }
}

/**
 * The error's name for programs, as `google.rpc.ErrorInfo` carries it: the key in upper snake case,
 * `PROFILE_NOT_CHANGED` for `profileNotChanged`.
 */
export function reasonFromKey(key: ErrorKey): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
