import { type ContextValues, createContextKey } from "@connectrpc/connect";
import type { Waiter } from "../../store/event-store.ts";
import type { Gate } from "./gate.ts";

/** The id of the call, which its answer and its log line carry, too. Empty for calls that no gate let in. */
export const requestIdKey = createContextKey("", { description: "request id" });

/** Tells whether somebody waits for the answer, at a lower price than the signal of the call. */
export const waiterKey = createContextKey<Waiter | undefined>(undefined, { description: "waiter" });

/** What is known of a call where its request arrives. */
export type KnownOfCall = {
  readonly requestId: (values: ContextValues) => string;
  /** `undefined`: the signal of the call has to do. */
  readonly waiter: (values: ContextValues) => Waiter | undefined;
};

/** Put what is known of each call that a gate lets in into the context values. */
export function noteCall(gate: Gate, { requestId, waiter }: KnownOfCall): Gate {
  return (context) => {
    const { values } = context;
    values.set(requestIdKey, requestId(values)).set(waiterKey, waiter(values));
    return gate(context);
  };
}
