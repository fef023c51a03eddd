import {
  type EventStore,
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
} from "../store/event-store.ts";
import type { FailureKind, StoreObserver } from "../store/observer.ts";

/** The same store, which also reports every failed operation to `failed`. */
export function watchFailures(store: EventStore, failed: StoreObserver["failed"]): EventStore {
  function watched<Operation extends (...args: never[]) => Promise<unknown>>(
    name: string,
    operation: Operation,
  ): Operation {
    const run = (...args: Parameters<Operation>) => {
      const answer = operation.apply(store, args);
      answer.catch((error: unknown) => {
        const kind = kindFromError(error);
        if (kind !== undefined) failed(name, kind);
      });
      return answer;
    };
    return run as Operation;
  }

  return {
    change: watched("change", store.change),
    changeAll: watched("changeAll", store.changeAll),
    load: watched("load", store.load),
    loadOnInstance: watched("loadOnInstance", store.loadOnInstance),
    outlineAttributes: watched("outlineAttributes", store.outlineAttributes),
    findAttributes: watched("findAttributes", store.findAttributes),
    readAttributes: watched("readAttributes", store.readAttributes),
    history: watched("history", store.history),
    outlineHistory: watched("outlineHistory", store.outlineHistory),
    search: watched("search", store.search),
    locate: watched("locate", store.locate),
    receipts: {
      begin: watched("beginReceipt", store.receipts.begin),
      find: watched("findReceipt", store.receipts.find),
      keep: watched("keepReceipt", store.receipts.keep),
    },
    ping: watched("ping", store.ping),
    close: () => store.close(),
  };
}

/** `undefined` if the caller or the program is at fault, and not the store. */
function kindFromError(error: unknown): FailureKind | undefined {
  if (error instanceof StoreUnavailableError) return "unavailable";
  if (error instanceof StoreOverloadedError) return "overloaded";
  if (error instanceof OutcomeUnknownError) return "unknown";
  return undefined;
}
