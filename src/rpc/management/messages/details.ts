import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type ObjectDetails, ObjectDetailsSchema } from "../../../../gen/zitadel/object_pb.ts";
import type { Head, Micros } from "../../../store/event-store.ts";

/** What a dry run answers of a user whom it did not add: there is neither a version nor a date. */
export function isAdded({ version }: Pick<Head<unknown>, "version">): boolean {
  return version > 0;
}

/** Version, dates and organization of an object, as every answer carries them. */
export function detailsFromHead(head: Omit<Head<unknown>, "state">): ObjectDetails {
  if (!isAdded(head)) return create(ObjectDetailsSchema, { resourceOwner: head.organization });
  return create(ObjectDetailsSchema, {
    sequence: BigInt(head.version),
    creationDate: timestampFromMicros(head.createdAt),
    changeDate: timestampFromMicros(head.changedAt),
    resourceOwner: head.organization,
  });
}

/** Exact: timestamps have nanoseconds. */
/**
 * How `SetUserMetadata` answers. As in ZITADEL, the time of the change is called the date of creation, and there is
 * no other.
 */
export function detailsOfSetMetadata({
  version,
  changedAt,
  organization,
}: Omit<Head<unknown>, "state">): ObjectDetails {
  return create(ObjectDetailsSchema, {
    sequence: BigInt(version),
    creationDate: timestampFromMicros(changedAt),
    resourceOwner: organization,
  });
}

export function timestampFromMicros(micros: Micros): Timestamp {
  const seconds = Math.floor(micros / 1_000_000);
  const nanos = (micros - seconds * 1_000_000) * 1_000;
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}
