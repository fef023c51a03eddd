import type { NodeState } from "../store/observer.ts";

/** What is known of the nodes of the database. */
export type NodeWatch = {
  /** Call it with the result of each look at the nodes. */
  saw(states: readonly NodeState[]): void;
  /** Whether a node does not answer, so that the users there cannot be served. */
  isDegraded(): boolean;
  /**
   * @param listener Called with the addresses of all nodes that do not answer: at once if there are any, and then
   *   whenever the list changes.
   */
  onChange(listener: (down: readonly string[]) => void): void;
};

/** All nodes answer, until it is told otherwise. */
export function createNodeWatch(): NodeWatch {
  let down: readonly string[] = [];
  const listeners: ((down: readonly string[]) => void)[] = [];
  return {
    saw(states) {
      const next = states.filter(({ answers }) => !answers).map(({ node }) => node);
      if (String(next) === String(down)) return;
      down = next;
      for (const tell of listeners) tell(down);
    },
    isDegraded: () => down.length > 0,
    onChange(listener) {
      listeners.push(listener);
      if (down.length > 0) listener(down);
    },
  };
}
