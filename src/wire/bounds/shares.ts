/** A limited resource that clients share, such as connections or bytes. */
export type Shares = {
  /**
   * @param client Which client takes it: see `addressGroup`.
   * @param takeBack Called if a client with less needs it. The share has ended by then.
   * @returns `undefined` if the client would have more than one may have, or if all is taken and it would have
   *   the most. The first share of a client may be larger than what one may have.
   */
  take(client: string, amount: number, takeBack: () => void): Share | undefined;
};

/** What a client holds. */
export type Share = {
  /** Give some back, at most what is held. */
  shrink(amount: number): void;
  /** Give all back. May be called again. */
  end(): void;
};

type Held = { readonly client: string; takeBack: () => void; amount: number };

type Holder = { readonly held: Set<Held>; amount: number };

/**
 * Keep room for everybody. When all is taken, the client that has the most loses its largest share, and among
 * equal ones the oldest. If that is the client that asks, it gets nothing and loses nothing. So a flood from
 * few addresses takes from itself, and the clients of a flood from many do not take from each other in turn.
 *
 * @param max For all clients together.
 * @param maxEach For one client.
 */
export function createShares(max: number, maxEach: number): Shares {
  const holders = new Map<string, Holder>();
  let taken = 0;

  function shrink(held: Held, amount: number): void {
    const holder = holders.get(held.client);
    if (holder?.held.has(held) !== true) return;
    held.amount -= amount;
    holder.amount -= amount;
    taken -= amount;
    if (held.amount > 0) return;
    holder.held.delete(held);
    // A Set may keep in memory what it had when it grew. So a share that has ended must not refer to a whole request.
    held.takeBack = nothing;
    if (holder.held.size === 0) holders.delete(held.client);
  }

  /** @returns Whether there is room for `amount` now, for a client that would then have `after`. */
  function makeRoom(amount: number, after: number): boolean {
    while (taken + amount > max) {
      const holder = largest(holders.values());
      if (holder === undefined) return true;
      const held = largest(holder.held);
      if (held === undefined || holder.amount <= after) return false;
      const { takeBack } = held;
      shrink(held, held.amount);
      takeBack();
    }
    return true;
  }

  return {
    take(client, amount, takeBack) {
      const before = holders.get(client)?.amount ?? 0;
      const after = before + amount;
      if ((before > 0 && after > maxEach) || !makeRoom(amount, after)) return undefined;
      const holder = holders.get(client) ?? { held: new Set(), amount: 0 };
      const held: Held = { client, takeBack, amount };
      holder.held.add(held);
      holder.amount += amount;
      holders.set(client, holder);
      taken += amount;
      return {
        shrink: (less) => shrink(held, less),
        end: () => shrink(held, held.amount),
      };
    },
  };
}

const nothing = () => {};

function largest<Item extends { readonly amount: number }>(
  items: Iterable<Item>,
): Item | undefined {
  let found: Item | undefined;
  for (const item of items) if (found === undefined || item.amount > found.amount) found = item;
  return found;
}
