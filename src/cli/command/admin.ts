import type { Directory } from "../../store/directory.ts";
import type { Micros } from "../../store/event-store.ts";
import { trim } from "../../text/trim.ts";

/** What an admin command works with. */
export type Admin = {
  readonly directory: Directory;
  /** Makes a new id. */
  readonly ids: () => string;
  readonly now: () => Micros;
  /** Prints one line on stdout. */
  readonly out: (line: string) => void;
  /** Whether to print one JSON document instead of text for people. */
  readonly json: boolean;
};

/** The command cannot be done, and the message says why. Printed without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode = 1;
}

/** Print what a command found or did: one JSON document, or lines for people. */
export function report(admin: Admin, document: unknown, lines: readonly string[]): void {
  if (admin.json) admin.out(JSON.stringify(document));
  else for (const line of lines) admin.out(line);
}

/** A moment as programs and people read it, such as `2026-01-31T12:00:00.000Z`; `null` for none. */
export function isoTime(at: Micros): string;
export function isoTime(at: Micros | undefined): string | null;
export function isoTime(at: Micros | undefined): string | null {
  return at === undefined ? null : new Date(at / 1_000).toISOString();
}

const maxNameLength = 200;

/**
 * A name as it is stored: without white space around it.
 *
 * @param what Whose name, for the error.
 * @throws CliError if it is empty, longer than 200 characters, or has control characters or line
 *   separators, which would let a name write to the terminal of whoever lists it.
 */
export function checkedName(what: string, text: string): string {
  const name = trim(text);
  const length = [...name].length;
  if (length === 0 || length > maxNameLength || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)) {
    throw new CliError(
      `${what} ${JSON.stringify(text)}: a name has 1 to ${maxNameLength} characters, none of them a control character`,
    );
  }
  return name;
}
