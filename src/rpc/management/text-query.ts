import { TextQueryMethod } from "../../../gen/zitadel/object_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Comparison, Query } from "../../store/search.ts";

type Method = Pick<Comparison & { kind: "text" }, "method" | "ignoreCase">;

const methods: Readonly<Record<number, Method>> = {
  [TextQueryMethod.EQUALS]: { method: "equals", ignoreCase: false },
  [TextQueryMethod.EQUALS_IGNORE_CASE]: { method: "equals", ignoreCase: true },
  [TextQueryMethod.STARTS_WITH]: { method: "starts-with", ignoreCase: false },
  [TextQueryMethod.STARTS_WITH_IGNORE_CASE]: { method: "starts-with", ignoreCase: true },
  [TextQueryMethod.CONTAINS]: { method: "contains", ignoreCase: false },
  [TextQueryMethod.CONTAINS_IGNORE_CASE]: { method: "contains", ignoreCase: true },
  [TextQueryMethod.ENDS_WITH]: { method: "ends-with", ignoreCase: false },
  [TextQueryMethod.ENDS_WITH_IGNORE_CASE]: { method: "ends-with", ignoreCase: true },
};

/**
 * A comparison of a text, as a request asks for it.
 *
 * @throws ServiceError `queryInvalid` for a method that is not known.
 */
export function textQuery(key: string, text: string, method: TextQueryMethod): Query {
  const how = methods[method];
  if (how === undefined) throw new ServiceError("queryInvalid");
  return { kind: "text", key, text, ...how };
}
