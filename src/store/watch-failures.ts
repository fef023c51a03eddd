import {
  type Decide,
  type EventStore,
  OutcomeUnknownError,
  StoreOverloadedError,
  StoreUnavailableError,
} from "./event-store.ts";
import type { FailureKind, StoreObserver } from "./observer.ts";
import type { Search } from "./search.ts";

/** The same store; whatever it cannot do is told, besides. */
export function watchFailures(store: EventStore, failed: StoreObserver["failed"]): EventStore {
  const watch = <Answer extends Promise<unknown>>(operation: string, answer: Answer): Answer => {
    answer.catch((error: unknown) => {
      const kind = kindFromError(error);
      if (kind !== undefined) failed(operation, kind);
    });
    return answer;
  };
  return {
    change: <State>(
      stream: string,
      organization: string,
      decide: Decide<State>,
      signal?: AbortSignal,
    ) => watch("change", store.change(stream, organization, decide, signal)),
    load: <State>(stream: string, organization: string) =>
      watch("load", store.load<State>(stream, organization)),
    loadOnInstance: <State>(stream: string) =>
      watch("loadOnInstance", store.loadOnInstance<State>(stream)),
    history: (stream, organization, range) =>
      watch("history", store.history(stream, organization, range)),
    search: <State>(organization: string, search: Search, signal?: AbortSignal) =>
      watch("search", store.search<State>(organization, search, signal)),
    locate: (claim) => watch("locate", store.locate(claim)),
    ping: () => watch("ping", store.ping()),
    close: () => store.close(),
  };
}

/** `undefined` for what the caller is to blame for, or the program. */
function kindFromError(error: unknown): FailureKind | undefined {
  if (error instanceof StoreUnavailableError) return "unavailable";
  if (error instanceof StoreOverloadedError) return "overloaded";
  if (error instanceof OutcomeUnknownError) return "unknown";
  return undefined;
}
