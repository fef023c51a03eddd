import type { ConnectError, HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../../domain/errors.ts";
import { connectErrorFrom } from "../errors.ts";

/**
 * Lets a call pass or refuses it, before its body is read: the `requestGate` of Connect. Returns a promise
 * only if it has to wait. An error that it returns refuses the call as one that it throws does.
 *
 * What strangers are refused for is returned: V8 does not compile a function that always throws.
 */
export type Gate<Refusal = ConnectError> = (
  context: HandlerContext,
) => void | Refusal | Promise<void>;

/**
 * Combine two gates, which are asked one after the other. Their errors are converted as
 * `convertErrors` does, and not translated, because ZITADEL does not translate these either.
 */
export function createGate(first: Gate<ServiceError>, second: Gate<never>): Gate {
  const fail = (error: unknown): never => {
    throw connectErrorFrom(error);
  };
  return (context) => {
    try {
      const passing = first(context);
      if (passing instanceof ServiceError) return connectErrorFrom(passing);
      if (passing !== undefined) return passing.then(() => second(context)).catch(fail);
      return second(context)?.catch(fail);
    } catch (error) {
      return fail(error);
    }
  };
}
