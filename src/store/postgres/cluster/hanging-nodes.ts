import { StoreUnavailableError } from "../../event-store.ts";

/** What a look at a node has shown. */
export type Look = {
  /** The number of the node. */
  readonly node: string;
  readonly answers: boolean;
  /** When it began, by `performance.now`, and how long it took, in milliseconds. */
  readonly beganAt: number;
  readonly tookMs: number;
};

/**
 * Nodes that hang: they neither answer nor refuse. A node that is gone refuses at once, so nobody has to be kept from
 * asking it.
 */
export type HangingNodes = {
  /**
   * Do something that waits for one node alone, and changes nothing.
   *
   * @param node `undefined`: it is not known which one, so it is just done.
   * @throws StoreUnavailableError if the node hangs, or is found to hang meanwhile.
   */
  guard<Answer>(node: string | undefined, work: () => Promise<Answer>): Promise<Answer>;
  /** What is wrong if one of some nodes hangs. Default: of all nodes. */
  problem(nodes?: readonly (string | undefined)[]): StoreUnavailableError | undefined;
  /** Whether something waits for a node that has not answered anything for a while, so that a look is worth while. */
  isDoubtful(): boolean;
  saw(look: Look): void;
  /** Forget all other nodes: they were removed. */
  keep(nodes: readonly string[]): void;
  /** @param listener Called when a node is found to hang. */
  whenHanging(listener: (node: string, problem: StoreUnavailableError) => void): void;
};

/** In milliseconds. A node is doubtful if something has waited for so long, and nothing was answered. */
const patienceMs = 1_000;

/** In milliseconds. A look that has shown within this time that a node does not answer was refused by it. */
const refusedWithinMs = 1_000;

type Waiting = { readonly since: number; readonly reject: (error: StoreUnavailableError) => void };

type Node = {
  answeredAt: number;
  problem: StoreUnavailableError | undefined;
  /** In the order in which they began. */
  readonly waiting: Set<Waiting>;
};

export function createHangingNodes(): HangingNodes {
  const nodes = new Map<string, Node>();
  const listeners: Parameters<HangingNodes["whenHanging"]>[0][] = [];

  function nodeOf(name: string): Node {
    const known = nodes.get(name);
    if (known !== undefined) return known;
    const made = {
      answeredAt: Number.NEGATIVE_INFINITY,
      problem: undefined,
      waiting: new Set<Waiting>(),
    };
    nodes.set(name, made);
    return made;
  }

  function found(name: string, node: Node): void {
    const problem = new StoreUnavailableError("PostgreSQL: a node of the cluster does not answer");
    node.problem = problem;
    for (const { reject } of node.waiting) reject(problem);
    for (const tell of listeners) tell(name, problem);
  }

  return {
    guard(name, work) {
      if (name === undefined) return work();
      const node = nodeOf(name);
      if (node.problem !== undefined) return Promise.reject(node.problem);
      return waitFor(node, work);
    },

    problem(names) {
      const asked = names === undefined ? nodes.keys() : names;
      for (const name of asked) {
        const problem = name === undefined ? undefined : nodes.get(name)?.problem;
        if (problem !== undefined) return problem;
      }
      return undefined;
    },

    isDoubtful() {
      const before = performance.now() - patienceMs;
      return [...nodes.values()].some(({ answeredAt, problem, waiting: [first] }) => {
        if (problem !== undefined || first === undefined) return false;
        return Math.max(first.since, answeredAt) < before;
      });
    },

    saw({ node: name, answers, beganAt, tookMs }) {
      const node = nodeOf(name);
      const hangs = !answers && tookMs >= refusedWithinMs && node.answeredAt < beganAt;
      if (!hangs) node.problem = undefined;
      else if (node.problem === undefined) found(name, node);
    },

    keep(names) {
      for (const name of nodes.keys()) if (!names.includes(name)) nodes.delete(name);
    },

    whenHanging(listener) {
      listeners.push(listener);
    },
  };
}

async function waitFor<Answer>(node: Node, work: () => Promise<Answer>): Promise<Answer> {
  const { promise: hanging, reject } = Promise.withResolvers<never>();
  const waiting = { since: performance.now(), reject };
  node.waiting.add(waiting);
  try {
    const answer = await Promise.race([work(), hanging]);
    node.answeredAt = performance.now();
    return answer;
  } finally {
    node.waiting.delete(waiting);
  }
}
