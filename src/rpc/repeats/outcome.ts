import { type ErrorKey, errors, ServiceError } from "../../domain/errors.ts";
import type { Written } from "./answers.ts";

/** Where a caller had to be allowed to do what it did: roles may change before it repeats the call. */
export type Rights = { readonly organization: string; readonly permissions: readonly string[] };

/** What headers of the answer tell of a change: whether there was one, and whether the person is there after it. */
export type Decided = { readonly isChanged: boolean; readonly isThere: boolean };

/** What became of a call. */
export type Outcome =
  | { readonly kind: "done"; readonly written: Written; readonly decided: Decided }
  | ({ readonly kind: "refused"; readonly key: ErrorKey } & Refused);

type Refused = {
  /** `undefined`: that of the catalogue. */
  readonly message?: string | undefined;
  readonly values?: ServiceError["values"];
};

/** A call that is kept under its key. */
export type KeptCall = {
  /** Digest of the request. */
  readonly request: string;
  /** `undefined`: the gate has checked all that was needed. */
  readonly rights: Rights | undefined;
  readonly outcome: Outcome;
};

/** As the store keeps it. */
export function textFromCall(call: KeptCall): string {
  return JSON.stringify(call);
}

/** @param bytes Of `textFromCall`. */
export function callFromBytes(bytes: Uint8Array): KeptCall {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

/**
 * The outcome of a call that was refused for what the store holds, so that the same call could be answered in
 * another way later. `undefined` for every other error: it says something about the request, which is refused
 * for it every time; or about the caller or the server, and the call may succeed when it is repeated.
 */
export function refusalFrom(error: unknown): Outcome | undefined {
  if (!(error instanceof ServiceError) || !isOfStore(error.key)) return undefined;
  const { key, message, values } = error;
  const isOwn = message !== errors[key].message;
  return { kind: "refused", key, message: isOwn ? message : undefined, values };
}

/** The error that `refusalFrom` was given. */
export function errorFromRefusal({ key, message, values }: Outcome & { kind: "refused" }) {
  return new ServiceError(key, { ...(message && { message }), ...(values && { values }) });
}

const kindsOfStore: readonly string[] = [
  "aborted",
  "already_exists",
  "failed_precondition",
  "not_found",
];

/** That a caller has no role is said as "not found", as in ZITADEL. The other one is about the request alone. */
const notOfStore: readonly ErrorKey[] = ["membershipNotFound", "ifMatchRequired"];

function isOfStore(key: ErrorKey): boolean {
  return !notOfStore.includes(key) && kindsOfStore.includes(errors[key].kind);
}
