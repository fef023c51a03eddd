import type { HandlerContext } from "@connectrpc/connect";
import { connectErrorFrom } from "../errors.ts";

/**
 * Lets a call pass or throws, before its body is read: the `requestGate` of Connect. Returns a promise
 * only if it has to wait.
 */
export type Gate = (context: HandlerContext) => void | Promise<void>;

/**
 * Combine two gates, which are asked one after the other. Their errors are converted as
 * `convertErrors` does, and not translated, because ZITADEL does not translate these either.
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
