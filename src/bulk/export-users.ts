import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HeadPage, Transfer } from "../store/transfer.ts";
import { createMeter } from "./meter.ts";

/** How a user is written as a line; `undefined`: not at all. See `createUserLines`. */
export type WriteLine<State> = (
  userId: string,
  organization: string,
  state: State,
) => string | undefined;

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
  writeLine: WriteLine<State>,
  organization: string | undefined,
  out: Writable,
): Promise<number> {
  const meter = createMeter("users", undefined);
  let count = 0;
  async function* pages() {
    for (let after: string | undefined = ""; after !== undefined; ) {
      const page: HeadPage<State> = await transfer.heads({ after, limit: pageSize, organization });
      const lines = page.heads.flatMap(({ stream, head }) => {
        const line = writeLine(stream, head.organization, head.state);
        return line === undefined ? [] : `${line}\n`;
      });
      yield lines.join("");
      count += lines.length;
      meter.show(count, 0);
      after = page.next;
    }
  }
  try {
    await pipeline(pages, out, { end: false });
  } finally {
    meter.end();
  }
  return count;
}
