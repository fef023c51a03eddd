import type { Head } from "../../event-store.ts";
import type { Tip } from "../append.ts";
import type { Answer, AppendOutcome } from "./verdict.ts";

/** What happens to the changes of a stream. */
export type StreamEvent =
  /** `isVisit`: it is a turn that a change of several streams takes; see `StreamChanges`. */
  | { readonly kind: "arrived"; readonly isVisit?: boolean }
  | { readonly kind: "loaded"; readonly latest: Tip | undefined }
  | { readonly kind: "load-failed"; readonly error: unknown }
  /** The first pending change led to `tip`, and its append has begun. */
  | { readonly kind: "decided"; readonly tip: Tip }
  /** The first pending change was refused on `latest`. */
  | { readonly kind: "refused"; readonly error: unknown }
  /** The first pending change changes nothing of `latest`, which has this head. */
  | { readonly kind: "unchanged"; readonly head: Head<unknown> }
  /** The caller of the first pending change no longer waits. */
  | { readonly kind: "left"; readonly error: unknown }
  /** The turn of the first pending has begun. */
  | { readonly kind: "turn-begun" }
  /** It is over. The stream may have been changed. */
  | { readonly kind: "turn-ended"; readonly answer: Answer }
  /** The append that leads to `tip` has ended. */
  | { readonly kind: "settled"; readonly tip: Tip; readonly outcome: AppendOutcome };
