/**
 * A queue that never changes: what adds an item or takes one makes a new queue, and leaves the old one as
 * it was. Both take constant time on average, and copy nothing.
 */
export type Queue<Item> = {
  readonly size: number;
  /** From the first item on. Empty only if the queue is. */
  readonly front: Chain<Item>;
  /** The items behind those, from the last one back. */
  readonly back: Chain<Item>;
};

type Chain<Item> = { readonly item: Item; readonly next: Chain<Item> } | undefined;

export const emptyQueue: Queue<never> = { size: 0, front: undefined, back: undefined };

export function queueOf<Item>(items: Iterable<Item>): Queue<Item> {
  let queue: Queue<Item> = emptyQueue;
  for (const item of items) queue = withLast(queue, item);
  return queue;
}

export function itemsOf<Item>({ front, back }: Queue<Item>): Item[] {
  const items: Item[] = [];
  for (let link = front; link !== undefined; link = link.next) items.push(link.item);
  for (let link = reversed(back); link !== undefined; link = link.next) items.push(link.item);
  return items;
}

export function withLast<Item>({ size, front, back }: Queue<Item>, item: Item): Queue<Item> {
  return front === undefined
    ? { size: 1, front: { item, next: undefined }, back: undefined }
    : { size: size + 1, front, back: { item, next: back } };
}

/** The rest, if there is a first item. */
export function withoutFirst<Item>({ size, front, back }: Queue<Item>): Queue<Item> {
  if (front === undefined) return emptyQueue;
  return front.next === undefined
    ? { size: size - 1, front: reversed(back), back: undefined }
    : { size: size - 1, front: front.next, back };
}

/** The same queue with another first item. */
export function withFirst<Item>(queue: Queue<Item>, item: Item): Queue<Item> {
  return { ...queue, front: { item, next: queue.front?.next } };
}

function reversed<Item>(chain: Chain<Item>): Chain<Item> {
  let result: Chain<Item>;
  for (let link = chain; link !== undefined; link = link.next) {
    result = { item: link.item, next: result };
  }
  return result;
}
