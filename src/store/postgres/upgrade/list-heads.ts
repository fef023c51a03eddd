import { statusOf } from "../../change/append-row.ts";
import { countChanges } from "../../change/count-changes.ts";
import type { KeysOf } from "../../event-store.ts";
import { commonStatus } from "../../search/head-keys.ts";
import type { Connection } from "../connection/connection.ts";
import { headPages } from "./head-pages.ts";

/**
 * Write the statuses of all heads, to which the step has given the most common one, and count them, within the
 * transaction that is open. No older server may write meanwhile, because it does not write them.
 */
export async function listHeads(
  connection: Connection,
  keysOf: KeysOf<unknown>,
  progress: (heads: number) => void,
): Promise<void> {
  let done = 0;
  for await (const page of headPages(connection)) {
    const listed = page.map(({ stream, head }) => ({
      stream,
      organization: head.organization,
      status: statusOf(keysOf(head)),
      statusBefore: null,
    }));
    const others = listed.filter(({ status }) => status !== commonStatus);
    if (others.length > 0) {
      await connection.query({
        text: `update heads h set status = l.status
          from unnest($1::text[], $2::text[]) as l (stream, status) where h.stream = l.stream`,
        values: [others.map(({ stream }) => stream), others.map(({ status }) => status)],
      });
    }
    const counts = countChanges(listed);
    await connection.query({
      text: `insert into head_counts (organization, status, stream, change, total)
        select organization, status, $4, gen_random_uuid(), total
        from unnest($1::text[], $2::text[], $3::bigint[]) as c (organization, status, total)`,
      values: [
        counts.map(({ organization }) => organization),
        counts.map(({ status }) => status),
        counts.map(({ by }) => by),
        page.at(0)?.stream ?? "",
      ],
    });
    done += page.length;
    if (done > 0) progress(done);
  }
}
