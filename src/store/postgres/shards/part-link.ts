import { StoreUnavailableError } from "../../event-store.ts";
import type { Connection } from "../connection/connection.ts";
import { createLink } from "../connection/link.ts";
import type { PipelineStatement, TextRow } from "../connection/pipeline.ts";
import { cancelledBy } from "../connection/scan.ts";
import { integers } from "../connection/wire-values.ts";
import { sqlState, sqlStateOf } from "../postgres-error.ts";

/** A statement on a part. */
export type PartStatement = PipelineStatement & {
  /** The number of its shard of `heads`. */
  readonly shard: string;
};

/** In milliseconds. After a failure the engine is asked for as long. */
const restMs = 1_000;

/** A connection to a server for statements on its parts. It says whether it is open, so that nobody waits for it. */
export function createPartLink(connect: () => Promise<Connection>) {
  const link = createLink(connect);
  let connection: Connection | undefined;
  let opening: Promise<void> | undefined;
  let restsUntil = 0;

  async function open(): Promise<void> {
    connection = await link.get().catch(() => undefined);
    if (connection === undefined) rest();
    opening = undefined;
  }

  function rest(): void {
    restsUntil = performance.now() + restMs;
  }

  return {
    isReady(): boolean {
      if (performance.now() < restsUntil) return false;
      if (connection?.isOpen()) return true;
      opening ??= open();
      return false;
    },

    /** @throws StoreUnavailableError if the engine must be asked. */
    async run(statements: readonly PartStatement[], signal?: AbortSignal): Promise<TextRow[][]> {
      if (connection === undefined) throw new StoreUnavailableError("there is no connection");
      try {
        return await runChecked(connection, statements, signal);
      } catch (error) {
        if (signal?.aborted || sqlStateOf(error) === sqlState.queryCanceled) throw error;
        rest();
        throw new StoreUnavailableError("a part cannot be read", { cause: error });
      }
    },

    async close() {
      await opening;
      await link.close();
    },
  };
}

/**
 * The question whether parts stand at the server comes last. It sees what was committed before it, so the statements
 * before it have seen all that was written to the parts until then.
 */
async function runChecked(
  connection: Connection,
  statements: readonly PartStatement[],
  signal: AbortSignal | undefined,
): Promise<TextRow[][]> {
  const wanted = [...new Set(statements.map(({ shard }) => shard))];
  const check = { name: "parts", text: checkText, values: [integers(wanted.map(BigInt))] };
  const all = [...statements, check];
  const answers = await cancelledBy(signal, connection, () => connection.run(all));
  if (Number(answers.at(-1)?.[0]?.[0]) !== wanted.length) throw new Error("a part was moved");
  return answers.slice(0, -1);
}

/** The whole number of the transaction that last wanted to change a row: rows hold only its lower half. */
const lastChange = `(
    p.xmax::text::bigint + ((
      pg_snapshot_xmax(pg_current_snapshot())::text::bigint - p.xmax::text::bigint + 2147483648
    ) >> 32 << 32)
  )::text::xid8`;

/**
 * A move is committed at one server after the other, and if the connection to one of them is lost meanwhile, a minute
 * may pass until it is committed there. By then others write to the new place. So a part counts as moved as soon as
 * somebody wants to change its row, unless that was undone.
 */
const checkText = `select count(*) from pg_dist_placement p
  where p.shardid = any ($1::bigint[]) and p.shardstate = 1
    and p.groupid = (select groupid from pg_dist_local_group)
    and case when p.xmax = 0 then true else pg_xact_status(${lastChange}) = 'aborted' end`;
