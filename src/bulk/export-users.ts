import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Attribute } from "../store/attributes.ts";
import type { Head } from "../store/event-store.ts";
import type { HeadPage, Transfer } from "../store/transfer.ts";
import { createMeter } from "./meter.ts";

/** How users are written. */
export type ExportFormat<State> = {
  /** A user as a line; `undefined`: not at all. See `createUserLines`. */
  readonly write: (
    userId: string,
    organization: string,
    state: State,
    attributes: readonly Attribute[],
  ) => string | undefined;
  /** Whether a user may have attributes, which must be read then. */
  readonly mayHaveAttributes: (state: State) => boolean;
};

/** Characters that are written at once, and one line more: a line with much metadata has millions. */
const pieceLength = 1_048_576;

/** Heads that are read at once. */
const pageSize = 1_000;

/**
 * Write all users, one to a line of JSON, in the order of their ids: what `import` reads. Each user is
 * as it was at some moment while the export ran; dates and history are not part of it.
 *
 * @param organization Default: every organization.
 * @param out Is left open.
 * @returns How many.
 * @throws What the stream fails with, such as EPIPE.
 */
export async function exportUsers<State>(
  transfer: Transfer,
  { write, mayHaveAttributes }: ExportFormat<State>,
  organization: string | undefined,
  out: Writable,
): Promise<number> {
  const meter = createMeter("users", undefined);
  let count = 0;
  async function* pages() {
    for (let after: string | undefined = ""; after !== undefined; ) {
      const page: HeadPage<State> = await transfer.heads({ after, limit: pageSize, organization });
      let lines: string[] = [];
      let length = 0;
      for (const { stream, head } of page.heads) {
        const line = await lineOf(stream, head);
        if (line === undefined) continue;
        lines.push(`${line}\n`);
        length += line.length;
        count += 1;
        if (length < pieceLength) continue;
        yield lines.join("");
        lines = [];
        length = 0;
      }
      yield lines.join("");
      meter.show(count, 0);
      after = page.next;
    }
  }
  /** If there may be attributes, the head is read again with them: both are as they were at one moment. */
  async function lineOf(stream: string, head: Head<State>): Promise<string | undefined> {
    const { organization, state } = head;
    if (!mayHaveAttributes(state)) return write(stream, organization, state, []);
    const whole = await transfer.attributes<State>(stream);
    return whole && write(stream, organization, whole.head.state, whole.attributes);
  }
  try {
    await pipeline(pages, out, { end: false });
  } finally {
    meter.end();
  }
  return count;
}
