import { ByteFilterMethod, TextFilterMethod } from "../../../../gen/zitadel/filter/v2/filter_pb.ts";
import type {
  MetadataKeyFilter,
  MetadataValueFilter,
} from "../../../../gen/zitadel/metadata/v2/metadata_pb.ts";
import { type SearchQuery, Type } from "../../../../gen/zitadel/user/v2/query_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { SearchKeyName } from "../../../domain/search-keys.ts";
import type { Query } from "../../../store/search.ts";
import { maxMetadataQueries } from "../../metadata/read-metadata.ts";
import { refuseFields } from "../../refuse-fields.ts";
import { textQuery } from "../../text-query.ts";
import {
  assertSize,
  commonQuery,
  type Meaning,
  stateQuery,
  type UserQueries,
} from "../../user-queries.ts";
import { userStates } from "./user.ts";

/**
 * The store's form of the queries of a request, all of which a user must match.
 *
 * A login name is the user name. `…_UNSPECIFIED` and states that no user can have match nobody.
 *
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`; `queryInvalid` for a `not` of nothing;
 *   `fieldNotSupported` for a way to compare metadata that no index answers.
 */
export function userQueriesFrom(
  queries: readonly SearchQuery[],
  { ignoresAccents }: Pick<Meaning, "ignoresAccents">,
): UserQueries {
  assertSize(queries, queriesIn);
  if (metadataQueries(queries) > maxMetadataQueries) throw new ServiceError("queryTooLarge");
  const all = (type: Type): Query => ({
    kind: "and",
    queries: queries.map((each) => queryFrom(each, { type, ignoresAccents })),
  });
  return { human: all(Type.HUMAN), machine: all(Type.MACHINE) };
}

function queryFrom({ query }: SearchQuery, meaning: Meaning): Query {
  switch (query.case) {
    case "phoneQuery":
      return textQuery("phone" satisfies SearchKeyName, query.value.number, query.value.method);
    case "stateQuery":
      return stateQuery(userStates, query.value.state);
    case "organizationIdQuery":
      return { kind: "organizations", organizations: [query.value.organizationId] };
    case "metadataKeyFilter":
      return metadataKeyQuery(query.value);
    case "metadataValueFilter":
      return metadataValueQuery(query.value);
    default:
      return commonQuery(query, meaning, (each) => queryFrom(each, meaning));
  }
}

function metadataKeyQuery({ key, method }: MetadataKeyFilter): Query {
  const isEquals = method === TextFilterMethod.EQUALS;
  refuseFields({ "metadata_key_filter.method": !isEquals });
  return { kind: "attribute", key, value: undefined };
}

function metadataValueQuery({ value, method }: MetadataValueFilter): Query {
  const isEquals = method === ByteFilterMethod.EQUALS;
  refuseFields({ "metadata_value_filter.method": !isEquals });
  return { kind: "attribute", key: undefined, value };
}

/** How many there are, nested ones included. */
function metadataQueries(queries: readonly SearchQuery[]): number {
  const counts = queries.map((each) =>
    each.query.case === "metadataKeyFilter" || each.query.case === "metadataValueFilter"
      ? 1
      : metadataQueries(queriesIn(each)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function queriesIn({ query }: SearchQuery): readonly SearchQuery[] {
  switch (query.case) {
    case "orQuery":
    case "andQuery":
      return query.value.queries;
    case "notQuery":
      return query.value.query === undefined ? [] : [query.value.query];
    default:
      return [];
  }
}
