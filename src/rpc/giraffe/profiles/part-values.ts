import type { ContextKey, ContextValues } from "@connectrpc/connect";

/** The context values of a part of a call: those of the call, until the part sets its own. */
export function partValues(ofCall: ContextValues): ContextValues {
  const own = new Map<symbol, unknown>();
  const values: ContextValues = {
    get: <T>(key: ContextKey<T>) => (own.has(key.id) ? (own.get(key.id) as T) : ofCall.get(key)),
    set(key, value) {
      own.set(key.id, value);
      return values;
    },
    delete(key) {
      own.set(key.id, key.defaultValue);
      return values;
    },
  };
  return values;
}
