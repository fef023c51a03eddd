import { type ContextValues, createContextKey } from "@connectrpc/connect";
import type { Gate } from "./gate.ts";

/** The id of the call, which its answer and its log line carry, too. Empty for calls that no gate let in. */
export const requestIdKey = createContextKey("", { description: "request id" });

/**
 * Put the id of each call that a gate lets in into the context values.
 *
 * @param requestId Knows the id: it is made where the request arrives.
 */
export function noteRequestId(gate: Gate, requestId: (values: ContextValues) => string): Gate {
  return (context) => {
    context.values.set(requestIdKey, requestId(context.values));
    return gate(context);
  };
}
