import type { NodeState } from "../../observer.ts";
import type { Row } from "../../sql/rows.ts";
import type { Statement } from "../connection/connection.ts";
import type { Link } from "../connection/link.ts";

/** Between two looks. A node that is gone fails calls at once, so this only has to be quick enough for people. */
const lookMs = 5_000;

/**
 * Look again and again at the nodes that hold parts of tables.
 *
 * @param link For this alone, because a node that hangs keeps a connection waiting.
 * @param seen Called after each look, unless the node that is asked does not answer itself.
 * @returns Stops it.
 */
export function watchNodes(
  link: Link,
  seen: (nodes: readonly NodeState[]) => void,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let looking: Promise<void> = look();

  async function look(): Promise<void> {
    try {
      const nodes = await statesOf(async (statement) => (await link.get()).query(statement));
      if (!isStopped) seen(nodes);
    } catch {
      // The node that was asked is gone. Readiness reports that.
    }
    if (isStopped) return;
    timer = setTimeout(() => {
      looking = look();
    }, lookMs).unref();
  }

  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await looking;
  };
}

async function statesOf(read: (statement: Statement) => Promise<Row[]>): Promise<NodeState[]> {
  const rows = await read({
    text: `select nodename, nodeport from pg_dist_node
      where isactive and noderole = 'primary' and shouldhaveshards order by nodeid`,
  });
  const states: NodeState[] = [];
  for (const { nodename, nodeport } of rows) {
    const answers = await read({
      text: "select citus_check_connection_to_node($1, $2::integer) as answers",
      values: [nodename, nodeport],
    }).catch(() => []);
    states.push({ node: `${nodename}:${nodeport}`, answers: answers[0]?.answers === true });
  }
  return states;
}
