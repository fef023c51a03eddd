import type { NodeState } from "../../observer.ts";
import type { Connection } from "../connection/connection.ts";
import type { Link } from "../connection/link.ts";
import { sqlStateOf } from "../postgres-error.ts";
import type { HangingNodes } from "./hanging-nodes.ts";

/** In milliseconds, between two looks. A node that is gone fails calls at once, so this is quick enough for people. */
const lookMs = 5_000;

/** In milliseconds, between two looks while a node may hang, or hangs: its users wait, or are refused. */
const soonMs = 1_000;

/** In milliseconds, between two questions whether it is time for a look. */
const tickMs = 250;

/**
 * Look again and again at the nodes that hold parts of tables.
 *
 * @param link For this alone, because a node that hangs keeps a connection waiting.
 * @param hanging Is told what each look has shown, and asks for one sooner.
 * @param seen Called after each look, unless the node that is asked does not answer itself.
 * @returns Stops it.
 */
export function watchNodes(
  link: Link,
  hanging: Pick<HangingNodes, "isDoubtful" | "keep" | "problem" | "saw">,
  seen: (nodes: readonly NodeState[]) => void,
): () => Promise<void> {
  let isStopped = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      // The same one for the whole look: another one has other settings, and no node takes the time to open it.
      const { query } = await link.get();
      const nodes = await lookAtAll(query, hanging);
      if (!isStopped) seen(nodes);
    } catch {
      // The node that was asked is gone. Readiness reports that.
    }
    lookedAt = performance.now();
    looking = undefined;
  }

  function tick(): void {
    const isUrgent = hanging.problem() !== undefined || hanging.isDoubtful();
    const isDue = performance.now() - lookedAt >= (isUrgent ? soonMs : lookMs);
    if (isDue) looking ??= look();
  }

  tick();
  const timer = setInterval(tick, tickMs).unref();
  return async () => {
    isStopped = true;
    clearInterval(timer);
    await looking;
  };
}

async function lookAtAll(
  query: Connection["query"],
  hanging: Pick<HangingNodes, "keep" | "saw">,
): Promise<NodeState[]> {
  // A connection that is kept from the look before would wait for a node that hangs, and could not even be cancelled.
  await query({
    text: `select set_config(name, '0', false) from pg_settings
      where name = 'citus.max_cached_conns_per_worker'`,
  });
  const rows = await query({
    text: `select nodeid, nodename, nodeport from pg_dist_node
      where isactive and noderole = 'primary' and shouldhaveshards order by nodeid`,
  });
  hanging.keep(rows.map(({ nodeid }) => String(nodeid)));
  const states: NodeState[] = [];
  for (const { nodeid, nodename, nodeport } of rows) {
    const beganAt = performance.now();
    const [row] = await query({
      text: "select citus_check_connection_to_node($1, $2::integer) as answers",
      values: [nodename, nodeport],
    }).catch((error: unknown) => {
      // Only the node that is asked can have lost the connection, or leave us without any answer.
      if (sqlStateOf(error) === undefined) throw error;
      return [];
    });
    const answers = row?.answers === true;
    hanging.saw({ node: String(nodeid), answers, beganAt, tookMs: performance.now() - beganAt });
    states.push({ node: `${nodename}:${nodeport}`, answers });
  }
  return states;
}
