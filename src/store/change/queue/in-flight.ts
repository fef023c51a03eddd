import type { Tip } from "../append.ts";
import { itemsOf, type Queue, queueOf, withFirst } from "./persistent-queue.ts";
import type { AppendOutcome, Numbered, Outcome } from "./verdict.ts";

/** A change that is decided, and how it ended, once that is known. */
export type InFlight = Numbered & {
  readonly outcome: Outcome | { readonly kind: "unknown"; readonly tip: Tip };
};

/** What is in flight, once the append that leads to `tip` has ended. */
export function withOutcome(
  inFlight: Queue<InFlight>,
  tip: Tip,
  outcome: AppendOutcome,
): Queue<InFlight> {
  const settled = (each: InFlight) =>
    each.outcome.kind === "unknown" && each.outcome.tip === tip ? { ...each, outcome } : each;
  const first = inFlight.front?.item;
  const next = first && settled(first);
  // Nearly always it is the first.
  if (next !== undefined && next !== first) return withFirst(inFlight, next);
  return queueOf(itemsOf(inFlight).map(settled));
}
