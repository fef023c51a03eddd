/** Something of which there is only so much, shared out among clients. */
export type Shares = {
  /**
   * @param client Who takes: see `addressGroup`.
   * @param takeBack Called if it is needed more elsewhere. The share has ended by then.
   * @returns `undefined` if one client may not have that much. Who has nothing yet always gets some.
   */
  take(client: string, amount: number, takeBack: () => void): Share | undefined;
};

export type Share = {
  /** Give some back, at most what is held. */
  shrink(amount: number): void;
  /** Give all back. May be called again. */
  end(): void;
};

type Held = { readonly client: string; readonly takeBack: () => void; amount: number };

type Holder = { readonly held: Set<Held>; amount: number };

/**
 * Keep room for everybody. When more is taken than there is, the client that has most loses the
 * largest of its shares, the oldest among equals. So a flood from few addresses takes from itself.
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
    if (holder.held.size === 0) holders.delete(held.client);
  }

  function takeBackLargest(): void {
    const held = largest(largest(holders.values()).held);
    shrink(held, held.amount);
    held.takeBack();
  }

  return {
    take(client, amount, takeBack) {
      const holder = holders.get(client) ?? { held: new Set(), amount: 0 };
      if (holder.amount > 0 && holder.amount + amount > maxEach) return undefined;
      const held: Held = { client, takeBack, amount };
      holder.held.add(held);
      holder.amount += amount;
      holders.set(client, holder);
      taken += amount;
      while (taken > max) takeBackLargest();
      return {
        shrink: (less) => shrink(held, less),
        end: () => shrink(held, held.amount),
      };
    },
  };
}

function largest<Item extends { readonly amount: number }>(items: Iterable<Item>): Item {
  let found: Item | undefined;
  for (const item of items) if (found === undefined || item.amount > found.amount) found = item;
  if (found === undefined) throw new Error("more is taken than anybody holds");
  return found;
}
