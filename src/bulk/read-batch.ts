import { isUtf8 } from "node:buffer";
import type { NewStream } from "../store/transfer.ts";
import { type Line, maxLineBytes } from "./line-batches.ts";
import { assertWhole, notUtf8, type Reject, rejectFrom } from "./rejects.ts";

/** Reads one line. See `createUserLines`. */
export type ReadLine = (
  text: string,
  creator: string,
) => {
  readonly userId: string | undefined;
  readonly organization: string | undefined;
  readonly decisions: NewStream["decisions"];
};

/** Written as the creator of the events: no user of the API has this id. */
const creator = "import";

/** A user that a line describes. */
export type UserOfLine = { readonly line: number; readonly text: string; readonly user: NewStream };

/** Read the lines of a batch: users to write, and lines that cannot be imported, each with its reason. */
export function readBatch(
  lines: readonly Line[],
  {
    readLine,
    newId,
    organizations,
  }: {
    readonly readLine: ReadLine;
    readonly newId: () => string;
    /** Ids of all that exist. */
    readonly organizations: ReadonlySet<string>;
  },
) {
  const users: UserOfLine[] = [];
  const problems: Reject[] = [];
  for (const { line, bytes } of lines) {
    let text = bytes?.toString() ?? "";
    try {
      assertReadable(bytes);
      const reject = rejectFrom(withoutMark(text));
      if (reject !== undefined) {
        ({ text } = reject);
        assertWhole(reject);
      } else if (text.trim() === "") continue;
      const {
        userId = newId(),
        organization: named,
        decisions,
      } = readLine(withoutMark(text), creator);
      const organization = organizationFrom(named, organizations);
      users.push({ line, text, user: { stream: userId, organization, decisions } });
    } catch (error) {
      problems.push({ line, reason: error instanceof Error ? error.message : String(error), text });
    }
  }
  return { users, problems };
}

function assertReadable(bytes: Buffer | undefined): asserts bytes {
  if (bytes === undefined) throw new Error(`the line is longer than ${maxLineBytes} bytes`);
  if (!isUtf8(bytes)) throw new Error(notUtf8);
}

/** A byte order mark may begin any line, because files may have been concatenated. */
function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function organizationFrom(named: string | undefined, known: ReadonlySet<string>): string {
  const [only] = known;
  if (named === undefined && only !== undefined && known.size === 1) return only;
  if (named === undefined) throw new Error("organization is missing, and there is more than one");
  if (!known.has(named)) throw new Error(`there is no organization ${JSON.stringify(named)}`);
  return named;
}
