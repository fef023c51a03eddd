import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { MetadataSearchFilter } from "../../../gen/zitadel/metadata/v2/metadata_pb.ts";
import type { UserService } from "../../../gen/zitadel/user/v2/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { MetadataCommand } from "../../domain/metadata.ts";
import type { EventStore } from "../../store/event-store.ts";
import type { Query } from "../../store/search.ts";
import { allowedLimitOf, startOf } from "../list-page.ts";
import { timestampFromMicros } from "../management/messages/details.ts";
import { type MetadataChanges, metadataEntries } from "../metadata/change-metadata.ts";
import { listMetadata, maxMetadataQueries, metadataKey } from "../metadata/read-metadata.ts";
import { textQuery } from "../text-query.ts";
import { reachHuman, reachOwner, type Users } from "./reach-user.ts";

type MetadataMethods = Pick<
  ServiceImpl<typeof UserService>,
  "setUserMetadata" | "deleteUserMetadata" | "listUserMetadata"
>;

/** The metadata of a user. It takes a role, also for people themselves. */
export function createUserMetadata(
  users: Users & { readonly store: EventStore },
  changes: MetadataChanges,
): MetadataMethods {
  /** @returns When the metadata of the user was changed, or else the user. */
  const run = async (context: HandlerContext, userId: string, command: MetadataCommand) => {
    const { organization } = await reachHuman(users, context.values, userId, {
      permission: "user.write",
      missing: "metadataUserNotFound",
    });
    const { changedAt } = await changes.run(context, userId, organization, command);
    return timestampFromMicros(changedAt);
  };

  return {
    async setUserMetadata({ userId, metadata }, context) {
      if (metadata.length === 0) throw new ServiceError("metadataListEmpty");
      const command = { type: "set-metadata", entries: metadataEntries(metadata) } as const;
      return { setDate: await run(context, userId, command) };
    },

    async deleteUserMetadata({ userId, keys }, context) {
      if (keys.length === 0) throw new ServiceError("metadataListEmpty");
      const command = { type: "remove-metadata-keys", keys } as const;
      return { deletionDate: await run(context, userId, command) };
    },

    async listUserMetadata({ userId, pagination, filters }, { values }) {
      if (filters.length > maxMetadataQueries) throw new ServiceError("queryTooLarge");
      const limit = allowedLimitOf(pagination?.limit);
      const query: Query = { kind: "and", queries: filters.map(keyQuery) };
      const offset = startOf(pagination?.offset);
      const ascending = pagination?.asc ?? false;
      const owner = await reachOwner(users, values, userId, "user.read");
      const { total, results } =
        owner === undefined
          ? { total: 0, results: [] }
          : await listMetadata(users.store, userId, owner, { query, offset, limit, ascending });
      return {
        pagination: { totalResult: BigInt(total), appliedLimit: BigInt(limit) },
        metadata: results.map(({ key, value, createdAt, changedAt }) => ({
          key,
          value,
          creationDate: timestampFromMicros(createdAt),
          changeDate: timestampFromMicros(changedAt),
        })),
      };
    },
  };
}

/** The field rules demand a filter. */
function keyQuery({ filter }: MetadataSearchFilter): Query {
  if (filter.case === undefined) throw new ServiceError("queryInvalid");
  return textQuery(metadataKey, filter.value.key, filter.value.method);
}
