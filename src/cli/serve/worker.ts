import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Order, Report } from "./messages.ts";
import type { Supervisor } from "./supervisor.ts";

/**
 * The supervisor of a worker: it obeys the first process and ignores signals. If the first process dies,
 * Node.js ends the worker.
 */
export function workerSupervisor(): Supervisor {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const { promise: drained, resolve: drain } = Promise.withResolvers<string>();
  const { promise: counting, resolve: onCount } = Promise.withResolvers<() => Promise<Snapshot>>();
  let reload = () => {};
  let scrapes: ((counts: readonly Snapshot[]) => void)[] = [];
  const report = (what: Report) => process.send?.(what);
  process.on("message", async (order: Order) => {
    switch (order.kind) {
      case "drain":
        return drain("order of the first process");
      case "reload":
        return reload();
      case "count":
        return report({ kind: "count", count: await (await counting)() });
      case "all counts":
        for (const answer of scrapes) answer(order.counts);
        scrapes = [];
    }
  });
  return {
    ready: (start) => void report({ kind: "ready", start }),
    stop: () => drained,
    onReload(again) {
      reload = again;
    },
    together: {
      onCount,
      count: () =>
        new Promise((resolve) => {
          scrapes.push(resolve);
          report({ kind: "count all" });
        }),
    },
  };
}
