import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import { answerTo, method } from "../protocols.ts";

/** The service as Connect servers take it. */
export function registerProfile(router: ConnectRouter): void {
  router.rpc(method, answerTo);
}

/** One interceptor that does nothing, so that the least cost of an interceptor is measured. */
export const passThrough: Interceptor = (next) => (request) => next(request);
