import type { Attribute } from "../../store/attributes.ts";
import type { EventStore } from "../../store/event-store.ts";
import { matcher, type Query } from "../../store/search.ts";

/** The name by which queries of `listMetadata` mean the key of an entry. */
export const metadataKey = "key";

/** Queries of metadata in one request: each takes a few milliseconds of the thread that serves the sockets. */
export const maxMetadataQueries = 20;

/** One page of a user's metadata. */
export type MetadataList = {
  /** What keys must match: comparisons of the text `metadataKey`, and what combines them. */
  readonly query: Query;
  readonly offset: number;
  readonly limit: number;
  /** By the bytes of the keys; else the reverse. */
  readonly ascending: boolean;
};

/**
 * List the metadata of a user. Keys are compared here, because there are few; only the values of the page are read.
 * A key that is removed meanwhile is missing from the page.
 *
 * @returns Nothing if the organization has no such user.
 */
export async function listMetadata(
  store: EventStore,
  userId: string,
  organization: string,
  { query, offset, limit, ascending }: MetadataList,
): Promise<{ readonly total: number; readonly results: readonly Attribute[] }> {
  const outlined = await store.outlineAttributes(userId, organization);
  const isMatch = matcher(query);
  const keys = (outlined?.attributes ?? [])
    .map(({ key }) => key)
    .filter((key) => isMatch({ stream: userId, organization, keys: { [metadataKey]: key } }));
  if (!ascending) keys.reverse();
  const page = keys.slice(offset, offset + limit);
  const read = page.length === 0 ? [] : await store.readAttributes(userId, organization, page);
  return { total: keys.length, results: ascending ? read : read.toReversed() };
}
