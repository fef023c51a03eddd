import { once } from "node:events";
import type { Transfer } from "../store/transfer.ts";
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
 * @returns How many.
 */
export async function exportUsers<State>(
  transfer: Transfer,
  writeLine: WriteLine<State>,
  organization: string | undefined,
  out: NodeJS.WritableStream,
): Promise<number> {
  const meter = createMeter("users", undefined);
  let count = 0;
  for (let after = ""; ; ) {
    const page = await transfer.heads<State>({ after, limit: pageSize, organization });
    const lines = page.flatMap(({ stream, head }) => {
      const line = writeLine(stream, head.organization, head.state);
      return line === undefined ? [] : `${line}\n`;
    });
    count += lines.length;
    if (!out.write(lines.join(""))) await once(out, "drain");
    meter.show(count, 0);
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) break;
    after = last.stream;
  }
  meter.end();
  return count;
}
