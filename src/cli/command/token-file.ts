import { readFileSync } from "node:fs";
import { CliError } from "./admin.ts";

/** Longer than the longest token that any header could carry, in characters. */
const maxTokenLength = 16_384;

/**
 * The token in a file, for calls to another server. It is no flag, because others can see the flags of a process.
 *
 * @throws CliError if the file cannot be read, or has no token.
 */
export function tokenFrom(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
  if (text.length > 0 && text.length <= maxTokenLength && /^[!-~]*$/.test(text)) return text;
  throw new CliError(`${file} has no token: one line of printable characters`);
}
