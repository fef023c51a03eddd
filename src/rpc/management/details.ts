import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type ObjectDetails, ObjectDetailsSchema } from "../../../gen/zitadel/object_pb.ts";
import type { Head, Micros } from "../../store/event-store.ts";

/** Version, dates and organization of an object, as every answer carries them. */
export function detailsFromHead(head: Omit<Head<unknown>, "state">): ObjectDetails {
  return create(ObjectDetailsSchema, {
    sequence: BigInt(head.version),
    creationDate: timestampFromMicros(head.createdAt),
    changeDate: timestampFromMicros(head.changedAt),
    resourceOwner: head.organization,
  });
}

/** Exact: timestamps have nanoseconds. */
export function timestampFromMicros(micros: Micros): Timestamp {
  const seconds = Math.floor(micros / 1_000_000);
  const nanos = (micros - seconds * 1_000_000) * 1_000;
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}
