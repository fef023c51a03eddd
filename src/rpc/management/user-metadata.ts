import { create } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { MetadataQuery } from "../../../gen/zitadel/metadata_pb.ts";
import { type Metadata, MetadataSchema } from "../../../gen/zitadel/metadata_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { MetadataCommand } from "../../domain/metadata.ts";
import type { Attribute } from "../../store/attributes.ts";
import type { EventStore, Head, Micros } from "../../store/event-store.ts";
import type { Query } from "../../store/search.ts";
import { organizationKey } from "../gate/authorize.ts";
import { limitOf, startOf } from "../list-page.ts";
import { type MetadataChanges, metadataEntries } from "../metadata/change-metadata.ts";
import { listMetadata, maxMetadataQueries, metadataKey } from "../metadata/read-metadata.ts";
import { textQuery } from "../text-query.ts";
import { detailsFromHead, detailsOfSetMetadata, timestampFromMicros } from "./messages/details.ts";

type Methods = ServiceImpl<typeof ManagementService>;
type ReadMethods = Pick<Methods, "getUserMetadata" | "listUserMetadata">;
type ChangeMethods = Pick<
  Methods,
  "setUserMetadata" | "bulkSetUserMetadata" | "removeUserMetadata" | "bulkRemoveUserMetadata"
>;

/** Read the metadata of a user of the organization of the call. Sees every change that was acknowledged before. */
export function createReadUserMetadata(store: EventStore, now: () => Micros): ReadMethods {
  return {
    async getUserMetadata({ id, key }, { values }) {
      const organization = values.get(organizationKey);
      const [attribute] = await store.readAttributes(id, organization, [key]);
      if (attribute === undefined) throw new ServiceError("metadataNotFound");
      return { metadata: metadataFrom(attribute, organization) };
    },

    async listUserMetadata({ id, query, queries }, { values }) {
      const organization = values.get(organizationKey);
      if (queries.length > maxMetadataQueries) throw new ServiceError("queryTooLarge");
      const viewedAt = now();
      const { total, results } = await listMetadata(store, id, organization, {
        query: { kind: "and", queries: queries.map(keyQuery) },
        offset: startOf(query?.offset),
        limit: limitOf(query?.limit),
        ascending: query?.asc ?? false,
      });
      return {
        details: {
          totalResult: BigInt(total),
          viewTimestamp: timestampFromMicros(viewedAt),
        },
        result: results.map((attribute) => metadataFrom(attribute, organization)),
      };
    },
  };
}

/** Change the metadata of a person of the organization of the call. */
export function createChangeUserMetadata(changes: MetadataChanges): ChangeMethods {
  const run = (context: HandlerContext, id: string, command: MetadataCommand) =>
    changes.run(context, id, context.values.get(organizationKey), command);
  const details = async (head: Promise<Head<unknown>>) => ({
    details: detailsFromHead(await head),
  });
  return {
    async setUserMetadata({ id, ...entry }, context) {
      const command = { type: "set-metadata", entries: metadataEntries([entry]) } as const;
      return { details: detailsOfSetMetadata(await run(context, id, command)) };
    },

    bulkSetUserMetadata: ({ id, metadata }, context) =>
      details(run(context, id, { type: "set-metadata", entries: metadataEntries(metadata) })),

    removeUserMetadata: ({ id, key }, context) =>
      details(run(context, id, { type: "remove-metadata", key })),

    bulkRemoveUserMetadata: ({ id, keys }, context) =>
      details(run(context, id, { type: "remove-metadata-keys", keys })),
  };
}

function metadataFrom({ key, value, ...dates }: Attribute, organization: string): Metadata {
  return create(MetadataSchema, {
    key,
    value,
    details: detailsFromHead({ ...dates, organization }),
  });
}

/** The field rules demand a query. */
function keyQuery({ query }: MetadataQuery): Query {
  if (query.case === undefined) throw new ServiceError("queryInvalid");
  return textQuery(metadataKey, query.value.key, query.value.method);
}
