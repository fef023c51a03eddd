import { ByteFilterMethod, TextFilterMethod } from "../../../../gen/zitadel/filter/v2/filter_pb.ts";
import type {
  MetadataKeyFilter,
  MetadataValueFilter,
} from "../../../../gen/zitadel/metadata/v2/metadata_pb.ts";
import type { TextQueryMethod } from "../../../../gen/zitadel/object/v2/object_pb.ts";
import { type SearchQuery, Type } from "../../../../gen/zitadel/user/v2/query_pb.ts";
import type { UserState } from "../../../../gen/zitadel/user/v2/user_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { SearchKeyName } from "../../../domain/search-keys.ts";
import type { Query } from "../../../store/search.ts";
import { maxMetadataQueries } from "../../metadata/read-metadata.ts";
import { refuseFields } from "../../refuse-fields.ts";
import { textQuery } from "../../text-query.ts";
import { assertSize, constant, statusQuery, type UserQueries } from "../../user-queries.ts";
import { userStates } from "./user.ts";

/**
 * The store's form of the queries of a request, all of which a user must match.
 *
 * A login name is the user name. `…_UNSPECIFIED` and states that no user can have match nobody.
 *
 * @throws ServiceError `queryTooDeep`, `queryTooLarge`; `queryInvalid` for a `not` of nothing;
 *   `fieldNotSupported` for a way to compare metadata that no index answers.
 */
export function userQueriesFrom(queries: readonly SearchQuery[]): UserQueries {
  assertSize(queries, queriesIn);
  if (metadataQueries(queries) > maxMetadataQueries) throw new ServiceError("queryTooLarge");
  const all = (type: Type): Query => ({
    kind: "and",
    queries: queries.map((each) => queryFrom(each, type)),
  });
  return { human: all(Type.HUMAN), machine: all(Type.MACHINE) };
}

const byKey: (key: SearchKeyName, text: string, method: TextQueryMethod) => Query = textQuery;

function queryFrom({ query }: SearchQuery, type: Type): Query {
  switch (query.case) {
    case "userNameQuery":
      return byKey("userName", query.value.userName, query.value.method);
    case "loginNameQuery":
      return byKey("userName", query.value.loginName, query.value.method);
    case "firstNameQuery":
      return byKey("firstName", query.value.firstName, query.value.method);
    case "lastNameQuery":
      return byKey("lastName", query.value.lastName, query.value.method);
    case "nickNameQuery":
      return byKey("nickName", query.value.nickName, query.value.method);
    case "displayNameQuery":
      return byKey("displayName", query.value.displayName, query.value.method);
    case "emailQuery":
      return byKey("email", query.value.emailAddress, query.value.method);
    case "phoneQuery":
      return byKey("phone", query.value.number, query.value.method);
    case "stateQuery":
      return stateQuery(query.value.state);
    case "typeQuery":
      return constant(query.value.type === type);
    case "inUserIdsQuery":
      return { kind: "streams", streams: query.value.userIds };
    case "inUserEmailsQuery":
      return { kind: "one-of", key: "email", texts: query.value.userEmails };
    case "organizationIdQuery":
      return { kind: "organizations", organizations: [query.value.organizationId] };
    case "metadataKeyFilter":
      return metadataKeyQuery(query.value);
    case "metadataValueFilter":
      return metadataValueQuery(query.value);
    case "orQuery":
    case "andQuery": {
      const queries = query.value.queries.map((each) => queryFrom(each, type));
      return { kind: query.case === "orQuery" ? "or" : "and", queries };
    }
    case "notQuery":
      if (query.value.query === undefined) throw new ServiceError("queryInvalid");
      return { kind: "not", query: queryFrom(query.value.query, type) };
    case undefined:
      throw new ServiceError("queryInvalid");
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

function stateQuery(state: UserState): Query {
  const statuses = Object.keys(userStates) as (keyof typeof userStates)[];
  return statusQuery(statuses.find((status) => userStates[status] === state));
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
