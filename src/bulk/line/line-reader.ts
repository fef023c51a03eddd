import { userWithHistory } from "./history-line.ts";
import type { ReadUser } from "./read-user.ts";
import { createUserLines, objectFrom } from "./user-line.ts";
import { userOfLine } from "./user-of-line.ts";

/**
 * Read one line: a user as it is, or with its history.
 *
 * @param creator Of events that the line does not tell.
 * @throws Error that tells a person what is wrong.
 */
export type ReadLine = (text: string, creator: string) => ReadUser;

/** The reader of lines in each of the forms that there are. */
export function createLineReader(): ReadLine {
  const lines = createUserLines();
  return (text, creator) => {
    const line = objectFrom(text);
    if (typeof line.unreadable === "string") throw new Error(line.unreadable);
    if (line.events !== undefined) return userWithHistory(line);
    return userOfLine(lines.readObject(line, creator), creator);
  };
}
