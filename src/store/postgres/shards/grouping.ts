import type { Postgres } from "../database.ts";
import { laneOf } from "./shard-map.ts";

/** The groups of batches, and the connections that they use: all are of one where rows are not distributed. */
export function groupingOf({ shards }: Pick<Postgres, "shards">) {
  return {
    groupOf: (stream: string) => shards.placeOf(stream)?.group ?? "",
    laneOf: (stream: string) => laneOf({ shards }, stream),
  };
}

/** The connection of a stream; always the same, so that its appends keep their order. */
export function placeOf(stream: string, places: number): number {
  let hash = 0;
  for (let index = 0; index < stream.length; index += 1) {
    hash = (Math.imul(hash, 31) + stream.charCodeAt(index)) | 0;
  }
  return (hash >>> 0) % places;
}
