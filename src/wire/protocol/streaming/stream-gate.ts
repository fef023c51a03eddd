import type { HandlerContext } from "@connectrpc/connect";
import type { RequestGate } from "../../call.ts";
import { deadlineExceeded } from "../../deadline.ts";
import { noteError } from "./stream-errors.ts";

/**
 * The gate of streams. A stream may have no deadline, so the gate has one of its own, and it also stops
 * waiting when the client has gone.
 *
 * @param timeoutMs The deadline of the gate: that of a call whose client sets none.
 * @param errorDomain As `explain` takes it.
 */
export function createStreamGate(
  gate: RequestGate,
  timeoutMs: number,
  errorDomain: string | undefined,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    try {
      const passing = gate(context);
      if (passing instanceof Error) throw passing;
      if (passing !== undefined) await within(passing, context, timeoutMs);
    } catch (reason) {
      throw noteError(reason, context.values, errorDomain);
    }
  };
}

function within(passing: Promise<void>, context: HandlerContext, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const { signal } = context;
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    };
    const giveUp = () => {
      end();
      reject(signal.aborted ? signal.reason : deadlineExceeded());
    };
    const timer = setTimeout(giveUp, timeoutMs);
    signal.addEventListener("abort", giveUp);
    passing.finally(end).then(resolve, reject);
    // It may have ended while it waited for its turn, and the signal tells that only once.
    if (signal.aborted) giveUp();
  });
}
