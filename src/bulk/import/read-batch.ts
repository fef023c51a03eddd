import { isUtf8 } from "node:buffer";
import type { ReadLine } from "../line/line-reader.ts";
import type { ReadUser } from "../line/read-user.ts";
import type { Line } from "./line-batches.ts";
import { maxLineBytes } from "./line-batches.ts";
import { assertWhole, notUtf8, type Reject, rejectFrom } from "./rejects.ts";
import { withoutMark } from "./text-lines.ts";

/** Written as the creator of the events: no user of the API has this id. */
const creator = "import";

/** A user that a line describes. */
export type UserOfLine = {
  readonly line: Line;
  readonly userId: string;
  readonly organization: string;
  readonly user: ReadUser;
};

/** Read the lines of a batch: users, and lines that cannot be imported, each with its reason. */
export function readBatch(
  lines: readonly Line[],
  {
    readLine,
    newId,
    organizations,
    organization: usual,
  }: {
    readonly readLine: ReadLine;
    readonly newId: () => string;
    /** Ids of all that exist. */
    readonly organizations: ReadonlySet<string>;
    /** Of users whose lines name none. Default: the only one there is. */
    readonly organization?: string | undefined;
  },
) {
  const users: UserOfLine[] = [];
  const problems: Reject[] = [];
  for (const line of lines) {
    try {
      const text = textToRead(line);
      if (text === undefined) continue;
      const user = readLine(text, creator);
      const { userId = newId() } = user;
      const organization = organizationOf(user, organizations, usual);
      users.push({ line, userId, organization, user });
    } catch (error) {
      problems.push(rejectOf(line, reasonOf(error)));
    }
  }
  return { users, problems };
}

/** A line that is not imported. Its text is made only now: few lines need it. */
export function rejectOf({ line, bytes }: Line, reason: string): Reject {
  const text = bytes?.toString() ?? "";
  return { line, reason, text: rejectOrNone(text)?.text ?? text };
}

function rejectOrNone(text: string): Reject | undefined {
  try {
    return rejectFrom(withoutMark(text));
  } catch {
    return undefined;
  }
}

/** @returns `undefined` for an empty line. */
function textToRead({ bytes }: Line): string | undefined {
  assertReadable(bytes);
  const text = withoutMark(bytes.toString());
  const reject = rejectFrom(text);
  if (reject === undefined) return text.trim() === "" ? undefined : text;
  assertWhole(reject);
  return withoutMark(reject.text);
}

/** What a person is told of an error. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function assertReadable(bytes: Buffer | undefined): asserts bytes {
  if (bytes === undefined) throw new Error(`the line is longer than ${maxLineBytes} bytes`);
  if (!isUtf8(bytes)) throw new Error(notUtf8);
}

function organizationOf(
  { organization, isGone = false }: ReadUser,
  known: ReadonlySet<string>,
  usual: string | undefined,
): string {
  const named = organization ?? usual;
  const [only] = known;
  if (named !== undefined && isGone) return named;
  if (named === undefined && only !== undefined && known.size === 1) return only;
  if (named === undefined) throw new Error("organization is missing, and there is more than one");
  if (!known.has(named)) throw new Error(`there is no organization ${JSON.stringify(named)}`);
  return named;
}
