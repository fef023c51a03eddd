import { errors, ServiceError } from "../../domain/errors.ts";
import { type HumanState, initialState } from "../../domain/human-state.ts";
import { saysUnchanged } from "../../domain/unchanged.ts";
import type { Head } from "../../store/event-store.ts";
import type { HumanStep } from "../change-human.ts";
import type { Extras } from "./extras.ts";
import { assertVersion } from "./if-match.ts";

/** Decides about the state of a human. Pure. */
export type DecideStep = (state: HumanState) => HumanStep;

/**
 * Decide under the condition of a call, and what else it allows, in the order in which refusals count: the request is
 * wrong in itself, there is no such user, the user has another version, nothing would change.
 *
 * @param head Of the user's queue, so that nobody can change the user between the check and the change.
 * @throws ServiceError `versionMismatch`, `ifMatchRequired`, and what `decideStep` throws.
 */
export function decideUnder(
  { condition, allowsUnchanged }: Extras,
  decideAnyway: DecideStep,
  head: Head<HumanState> | undefined,
): HumanStep {
  const decideStep = allowsUnchanged ? allowingUnchanged(decideAnyway) : decideAnyway;
  const state = head?.state ?? initialState;
  if (condition.kind === "none") return decideStep(state);
  if (state.kind !== "present" || head === undefined) {
    // Only adding a user, or erasing a removed one, is possible here: everything else finds nobody.
    const step = decideStep(state);
    assertVersion(condition, head?.version ?? 0);
    return step;
  }
  try {
    assertVersion(condition, head.version);
  } catch (mismatch) {
    assertValid(decideStep, state);
    throw mismatch;
  }
  return decideStep(state);
}

/** Turn a refusal because nothing would change into a change of nothing. */
function allowingUnchanged(decideStep: DecideStep): DecideStep {
  return (state) => {
    try {
      return decideStep(state);
    } catch (error) {
      if (error instanceof ServiceError && saysUnchanged(error.key, state)) {
        return { events: [], state };
      }
      throw error;
    }
  };
}

/** Some requests are found to be wrong in themselves only by whoever decides. That is said first. */
function assertValid(decideStep: DecideStep, state: HumanState): void {
  try {
    decideStep(state);
  } catch (error) {
    const isInvalid =
      error instanceof ServiceError && errors[error.key].kind === "invalid_argument";
    if (isInvalid) throw error;
  }
}
