/**
 * What waits for its turn. Each client has a queue, and the next item is the first one of the client whose latest turn is
 * longest ago. There is no bound here: whoever adds items bounds how many wait.
 */
export class ClientQueues<Item extends object> {
  /** The client that is first is next. No queue is empty. */
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
   * @param mayLeave Whether it may be this item. If not, its client keeps its turn, and the item of the client behind is tried.
   */
  next(mayLeave: (item: Item) => boolean = () => true): Item | undefined {
    for (const [client, queue] of this.#queues) {
      const [item] = queue;
      if (item === undefined || !mayLeave(item)) continue;
      queue.delete(item);
      // Deleted and set again, the client is the last one.
      this.#queues.delete(client);
      if (queue.size > 0) this.#queues.set(client, queue);
      return item;
    }
    return undefined;
  }
}
