import { createPendingQueues, type PendingQueues } from "./pending-queues.ts";

/**
 * Queues in groups that take turns: a batch holds items of one group alone. A group is known only while items of it
 * wait.
 *
 * @param max Of a batch.
 * @param groupOf The group of a queue. If it changes, items that wait stay in the old group.
 */
export function createGroupedQueues<Item, Result>(
  max: Parameters<typeof createPendingQueues>[0],
  groupOf: (name: string) => string,
): PendingQueues<Item, Result> {
  /** In the order of their turns. */
  const groups = new Map<string, PendingQueues<Item, Result>>();

  return {
    add(name, pending) {
      const group = groupOf(name);
      let queues = groups.get(group);
      if (queues === undefined) {
        queues = createPendingQueues<Item, Result>(max);
        groups.set(group, queues);
      }
      queues.add(name, pending);
    },

    take() {
      for (const [group, queues] of groups) {
        const batch = queues.take();
        groups.delete(group);
        // It may be empty now. Then its next turn ends it.
        if (batch.length > 0) {
          groups.set(group, queues);
          return batch;
        }
      }
      return [];
    },

    takeAll() {
      const all = [...groups.values()].flatMap((queues) => queues.takeAll());
      groups.clear();
      return all;
    },
  };
}
