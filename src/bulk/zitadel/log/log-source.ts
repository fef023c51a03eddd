import { keyOfLines, type PreparedSource } from "../../import/prepared-source.ts";
import { linesOf } from "../../lines-of.ts";
import { createLosses } from "../../losses.ts";
import { type Entry, type LogOutline, peopleOfLog } from "./read-events.ts";

/**
 * The people of a log as lines of an import.
 *
 * @param groups Begins to read the log, as `outlineLog` read it.
 * @param close Called when the import is over.
 */
export async function sourceOfLog(
  groups: () => AsyncIterable<readonly Entry[]>,
  outline: LogOutline,
  close: () => void,
): Promise<PreparedSource> {
  const losses = createLosses();
  const lines = () => {
    losses.clear();
    return linesOf(peopleOfLog(groups(), outline, losses));
  };
  return {
    key: await keyOfLines(lines()),
    size: undefined,
    lines: outline.users,
    organizations: outline.organizations.organizations(),
    chunks: lines,
    losses,
    close,
  };
}
