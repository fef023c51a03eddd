import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";

/** Whether the server accepts new calls. There is one for all services, which start and stop together. */
export type Readiness = {
  isReady(): boolean;
  set(ready: boolean): void;
  /**
   * Resolves at the next change. Ask `isReady` then: it may have changed again.
   *
   * @throws The signal's reason, once it is aborted.
   */
  changed(signal: AbortSignal): Promise<void>;
};

/** Not ready until it is set. */
export function createReadiness(): Readiness {
  // Not an EventEmitter: removing a listener there searches a list, and there may be thousands of watchers.
  const waiting = new Set<() => void>();
  let ready = false;
  return {
    isReady: () => ready,
    set(next) {
      if (next === ready) return;
      ready = next;
      const watchers = [...waiting];
      waiting.clear();
      for (const wake of watchers) wake();
    },
    changed: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const wake = () => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        const leave = () => {
          waiting.delete(wake);
          reject(signal.reason);
        };
        waiting.add(wake);
        signal.addEventListener("abort", leave, { once: true });
      }),
  };
}

/**
 * The handlers of `grpc.health.v1`: Check, List and Watch.
 *
 * Anyone who may call them learns which services there are and whether they serve, nothing else.
 * A Watch lasts until its client cancels it, its deadline passes or the server ends it.
 *
 * Source: grpc/grpc doc/health-checking.md.
 *
 * @param services Known by name, beside the empty name, which means the server as a whole. All have
 *   the same status.
 */
export function createHealth(
  readiness: Readiness,
  services: readonly DescService[],
): ServiceImpl<typeof Health> {
  const known = new Set(["", ...services.map((service) => service.typeName)]);
  const current = () => (readiness.isReady() ? Status.SERVING : Status.NOT_SERVING);

  return {
    check({ service }) {
      if (!known.has(service)) throw new ConnectError("unknown service", Code.NotFound);
      return { status: current() };
    },

    list() {
      const status = current();
      return { statuses: Object.fromEntries([...known].map((service) => [service, { status }])) };
    },

    async *watch({ service }, { signal }) {
      const currentOfService = known.has(service) ? current : () => Status.SERVICE_UNKNOWN;
      let sent: Status | undefined;
      for (;;) {
        const status = currentOfService();
        if (status === sent) {
          await readiness.changed(signal);
        } else {
          sent = status;
          yield { status };
        }
      }
    },
  };
}
