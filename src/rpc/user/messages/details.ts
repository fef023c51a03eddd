import { create } from "@bufbuild/protobuf";
import { type Details, DetailsSchema } from "../../../../gen/zitadel/object/v2/object_pb.ts";
import type { Head } from "../../../store/event-store.ts";
import { isAdded, timestampFromMicros } from "../../management/messages/details.ts";

type Written = Omit<Head<unknown>, "state" | "createdAt">;

/** Where an object stands, as the answer to a write says it: as in ZITADEL, without the date of creation. */
export function detailsOfWrite({ version, changedAt, organization }: Written): Details {
  if (!isAdded({ version })) return create(DetailsSchema, { resourceOwner: organization });
  return create(DetailsSchema, {
    sequence: BigInt(version),
    changeDate: timestampFromMicros(changedAt),
    resourceOwner: organization,
  });
}

/** Where an object stands, as the answer to a read says it. */
export function detailsOfRead(head: Omit<Head<unknown>, "state">): Details {
  const creationDate = timestampFromMicros(head.createdAt);
  return Object.assign(detailsOfWrite(head), { creationDate });
}
