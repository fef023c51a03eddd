import { type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { BulkSetUserMetadataRequestSchema } from "../../../gen/zitadel/management_pb.ts";
import type { HumanState } from "../../domain/human-state.ts";
import { advanceMetadata, type MetadataStep, noMetadata } from "../../domain/metadata.ts";
import { metadataEntries } from "../../rpc/metadata/change-metadata.ts";
import type { Attribute } from "../../store/attributes.ts";

/** Any id: the field rules of the request want one. */
const id = "0";

/**
 * What the field `metadata` of a line adds to a new user: a list of keys with values in base64, as
 * BulkSetUserMetadata takes it.
 *
 * @returns `undefined` if there is nothing to add.
 * @throws Error that tells a person what is wrong.
 */
export function metadataStep(
  metadata: JsonValue | undefined,
  state: HumanState,
  assertFieldRules: (schema: DescMessage, message: Message) => void,
): Omit<MetadataStep, "total"> | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  const request = fromJson(BulkSetUserMetadataRequestSchema, { id, metadata });
  if (request.metadata.length === 0) return undefined;
  assertFieldRules(BulkSetUserMetadataRequestSchema, request);
  const entries = metadataEntries(request.metadata);
  const set = { type: "set-metadata", entries } as const;
  const { total: _, ...step } = advanceMetadata(set, state, noMetadata);
  return step;
}

/** The field `metadata` of a user with these attributes; `undefined`: there are none. */
export function metadataField(attributes: readonly Attribute[]): JsonValue | undefined {
  if (attributes.length === 0) return undefined;
  return attributes.map(({ key, value }) => ({
    key,
    value: Buffer.from(value).toString("base64"),
  }));
}
