/**
 * What waits for its turn, clients by turns: each client has a queue, and the next item is the first of the client whose turn
 * is longest ago. It has no bound of its own. Whoever adds to it bounds what waits.
 */
export class ClientQueues<Item extends object> {
  /** In the order of the clients' turns; none is empty. */
  readonly #queues = new Map<string, Set<Item>>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** @param item Not in the queue of this client yet. */
  add(client: string, item: Item): void {
    const queue = this.#queues.get(client);
    if (queue === undefined) this.#queues.set(client, new Set([item]));
    else queue.add(item);
  }

  /** @returns Whether it was there. */
  delete(client: string, item: Item): boolean {
    const queue = this.#queues.get(client);
    if (queue?.delete(item) !== true) return false;
    if (queue.size === 0) this.#queues.delete(client);
    return true;
  }

  /**
   * Take the next item out.
   *
   * @param mayLeave Whether it may be this one. If not, the next client is asked for, and this one keeps its turn.
   */
  next(mayLeave: (item: Item) => boolean = () => true): Item | undefined {
    for (const [client, queue] of this.#queues) {
      const [item] = queue;
      if (item === undefined || !mayLeave(item)) continue;
      queue.delete(item);
      // A client that is set again moves to the end.
      this.#queues.delete(client);
      if (queue.size > 0) this.#queues.set(client, queue);
      return item;
    }
    return undefined;
  }
}
