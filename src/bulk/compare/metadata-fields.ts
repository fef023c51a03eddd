import type { Value } from "./side.ts";

/** Metadata as fields: `metadata.KEY`, with the value in base64. */
export function metadataFields(
  entries: readonly { readonly key: string; readonly value: string }[],
): Record<string, Value> {
  return Object.fromEntries(entries.map(({ key, value }) => [`metadata.${key}`, value]));
}
