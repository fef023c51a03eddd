import { combinedAttributes } from "../../change/attribute-rows.ts";
import type { PipelineStatement } from "../connection/pipeline.ts";
import { type ColumnValues, integers, texts, uuids } from "../connection/wire-values.ts";
import { type Chain, lastOf, streamOf } from "./append-batch.ts";
import { attributesKind } from "./append-text.ts";

/** The values of an advance statement for attributes: streams that lose all, attributes to remove. */
export function goneAttributes(chains: readonly Chain[]): ColumnValues[] {
  const changed = attributesOf(chains);
  if (changed.length === 0) return [];
  // What was removed and set again is created anew.
  const gone = changed.flatMap(({ stream, removed, set }) =>
    [...removed, ...set.flatMap(({ key, isNew }) => (isNew ? [key] : []))].map((key) => ({
      stream,
      key,
    })),
  );
  return [
    texts(changed.flatMap(({ stream, isCleared }) => (isCleared ? [stream] : []))),
    texts(gone.map(({ stream }) => stream)),
    texts(gone.map(({ key }) => key)),
  ];
}

/** The statement that sets attributes, if any are set. */
export function attributesStatements(chains: readonly Chain[]): PipelineStatement[] {
  const set = attributesOf(chains).flatMap(({ stream, last, set }) =>
    set.map((each) => ({ ...each, stream, last })),
  );
  if (set.length === 0) return [];
  return [
    {
      ...attributesKind,
      values: [
        texts([...new Set(set.map(({ stream }) => stream))]),
        texts(set.map(({ stream }) => stream)),
        uuids(set.map(({ last }) => last)),
        texts(set.map(({ key }) => key)),
        integers(set.map(({ version }) => version)),
        integers(set.map(({ createdAt }) => createdAt)),
        integers(set.map(({ changedAt }) => changedAt)),
        { type: "bytea", values: set.map(({ digest }) => digest) },
        { type: "bytea", values: set.map(({ value }) => value) },
      ],
    },
  ];
}

function attributesOf(chains: readonly Chain[]) {
  return chains
    .filter(({ rows }) => rows.some((row) => row.attributes !== undefined))
    .map((chain) => ({
      stream: streamOf(chain),
      last: lastOf(chain).change,
      ...combinedAttributes(chain.rows),
    }));
}
