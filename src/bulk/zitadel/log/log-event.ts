import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { objectOf, textOf } from "../../fields.ts";
import { microsFrom } from "../../line/moment.ts";
import { versionFrom } from "../../line/origin.ts";

/** An event of ZITADEL's log, as far as an import looks at it. */
export type LogEvent = {
  /** Such as `user` or `org`. */
  readonly kind: string;
  readonly aggregate: string;
  readonly type: string;
  readonly sequence: number;
  /** As it was written: a moment of RFC 3339. */
  readonly at: string;
  readonly creator: string;
  readonly owner: string;
  readonly payload: JsonObject;
};

/**
 * A row of `eventstore.events2` as JSON.
 *
 * @throws Error that says what is wrong.
 */
export function eventFromRow(row: JsonObject): LogEvent {
  const type = textOf(row.event_type);
  return checked({
    kind: textOf(row.aggregate_type) || (type.split(".")[0] ?? ""),
    aggregate: textOf(row.aggregate_id),
    type,
    sequence: row.sequence,
    at: textOf(row.created_at),
    creator: textOf(row.creator),
    owner: textOf(row.owner),
    payload: objectOf(row.payload),
  });
}

/**
 * An event as ListEvents answers it.
 *
 * @throws Error that says what is wrong.
 */
export function eventFromAnswer(event: JsonObject): LogEvent {
  const aggregate = objectOf(event.aggregate);
  return checked({
    kind: textOf(objectOf(aggregate.type).type),
    aggregate: textOf(aggregate.id),
    type: textOf(objectOf(event.type).type),
    sequence: event.sequence,
    at: textOf(event.creationDate),
    creator: textOf(objectOf(event.editor).userId),
    owner: textOf(aggregate.resourceOwner),
    payload: objectOf(event.payload),
  });
}

function checked(event: Omit<LogEvent, "sequence"> & { readonly sequence: JsonValue | undefined }) {
  const { aggregate, type } = event;
  if (aggregate === "" || type === "") throw new Error("it has no aggregate_id or no event_type");
  microsFrom("created_at", event.at);
  return { ...event, sequence: versionFrom("sequence", event.sequence) };
}
