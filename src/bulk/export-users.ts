import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Attribute } from "../store/attributes.ts";
import type { Transfer } from "../store/transfer.ts";
import { createMeter } from "./meter.ts";
import { walkUsers } from "./walk-users.ts";

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
  async function* pieces() {
    for await (const page of walkUsers(transfer, organization, mayHaveAttributes)) {
      let lines: string[] = [];
      let length = 0;
      for await (const { userId, head, attributes } of page) {
        const line = write(userId, head.organization, head.state, attributes);
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
    }
  }
  try {
    await pipeline(pieces, out, { end: false });
  } finally {
    meter.end();
  }
  return count;
}
