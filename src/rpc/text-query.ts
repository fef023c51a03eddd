import { ServiceError } from "../domain/errors.ts";
import type { Comparison } from "../store/search.ts";

/** A comparison of the text of one key. */
export type TextComparison = Comparison & { readonly kind: "text" };

type Method = Pick<TextComparison, "method" | "ignoreCase">;

/** By the number of a `TextQueryMethod` or `TextFilterMethod`: those of both versions of the API are the same. */
const methods: readonly Method[] = [
  { method: "equals", ignoreCase: false },
  { method: "equals", ignoreCase: true },
  { method: "starts-with", ignoreCase: false },
  { method: "starts-with", ignoreCase: true },
  { method: "contains", ignoreCase: false },
  { method: "contains", ignoreCase: true },
  { method: "ends-with", ignoreCase: false },
  { method: "ends-with", ignoreCase: true },
];

/**
 * A comparison of a text, as a request asks for it.
 *
 * @throws ServiceError `queryInvalid` for a method that is not known.
 */
export function textQuery(key: string, text: string, method: number): TextComparison {
  const how = methods[method];
  if (how === undefined) throw new ServiceError("queryInvalid");
  return { kind: "text", key, text, ...how };
}
