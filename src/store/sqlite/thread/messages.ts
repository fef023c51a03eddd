import { OutcomeUnknownError, StoreUnavailableError } from "../../event-store.ts";
import { OvertakenError } from "../../transfer.ts";
import { SyncFailedError, storeErrorFrom } from "../sqlite-error.ts";

/** What a thread is asked. `close`: it closes its connection and ends. */
export type Request<Work> =
  | { readonly kind: "work"; readonly work: Work }
  | { readonly kind: "close" };

/** What a thread answers. Errors lose their class between threads, so an error travels by its kind. */
export type Reply<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | {
      readonly kind: "unavailable" | "unknown" | "not synced" | "overtaken" | "failed";
      readonly message: string;
    };

/** The reply for whatever the work of a thread has thrown. */
export function replyFromError(thrown: unknown): Reply<never> {
  const error = storeErrorFrom(thrown);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreUnavailableError) return { kind: "unavailable", message };
  if (error instanceof SyncFailedError) return { kind: "not synced", message };
  if (error instanceof OutcomeUnknownError) return { kind: "unknown", message };
  if (error instanceof OvertakenError) return { kind: "overtaken", message };
  return { kind: "failed", message };
}

/** The error that `replyFromError` was given, with its class and without its stack. */
export function errorFromReply({ kind, message }: Exclude<Reply<never>, { kind: "done" }>): Error {
  switch (kind) {
    case "unavailable":
      return new StoreUnavailableError(message);
    case "unknown":
      return new OutcomeUnknownError(message);
    case "not synced":
      return new SyncFailedError(message);
    case "overtaken":
      return new OvertakenError();
    case "failed":
      return new Error(message);
  }
}
