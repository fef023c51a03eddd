import type { HandlerContext } from "@connectrpc/connect";
import { connectErrorFrom } from "../errors.ts";

/**
 * Lets a call in or throws, before its body is read; as the `requestGate` of Connect. Returns a promise
 * only if it has to wait.
 */
export type Gate = (context: HandlerContext) => void | Promise<void>;

/**
 * Ask two gates, one after the other. What they throw becomes an error that says what it may, as with
 * `convertErrors`, in no other language: ZITADEL does not translate it either.
 */
export function createGate(first: Gate, second: Gate): Gate {
  const fail = (error: unknown): never => {
    throw connectErrorFrom(error);
  };
  return (context) => {
    try {
      const passing = first(context);
      if (passing !== undefined) return passing.then(() => second(context)).catch(fail);
      return second(context)?.catch(fail);
    } catch (error) {
      return fail(error);
    }
  };
}
