import { problemFrom } from "../problem.ts";
import type { Violations } from "./form-errors.ts";
import type { Stored } from "./form-values.ts";

/** How what a form says is saved. */
export type Saving = {
  /**
   * Make the call, under the condition that the user still has the version.
   *
   * @returns Says on the page that it is stored, and returns whether the page is about the user still; or what is wrong
   *   with the fields.
   */
  readonly save: (stored: Stored) => Promise<(() => Promise<boolean>) | Violations>;
  /** What is stored now, because the user has another version. */
  readonly reload: (stored: Stored) => Promise<Stored>;
};

/** A user who changes again between reading and saving is read again so often, and then the refusal is shown. */
const maxRounds = 5;

/**
 * Save, also if somebody else has changed the user in other places meanwhile.
 *
 * @param seen What was stored when somebody has last seen it.
 * @param isCurrent Whether the form has stayed open: if not, nothing is saved again.
 * @param offerChoice Called after a change by somebody else. Returns whether there is something to choose.
 * @returns As `save`; `undefined` if there is something to choose, or the form was closed.
 */
export async function saveLatest(
  seen: Stored,
  { save, reload }: Saving,
  isCurrent: () => boolean,
  offerChoice: (before: Stored, now: Stored) => boolean,
): Promise<(() => Promise<boolean>) | Violations | undefined> {
  let latest = seen;
  for (let round = 0; ; round += 1) {
    try {
      return await save(latest);
    } catch (error) {
      const { reason } = problemFrom(error);
      if (reason !== "VERSION_MISMATCH" || round === maxRounds || !isCurrent()) throw error;
    }
    const before = latest;
    latest = await reload(latest);
    if (!isCurrent() || offerChoice(before, latest)) return undefined;
  }
}
