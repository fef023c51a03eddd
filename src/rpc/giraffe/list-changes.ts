import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { MethodImpl } from "@connectrpc/connect";
import {
  type Change,
  ChangeSchema,
  FieldChangeSchema,
  type ListChangesRequest,
  type UserService,
} from "../../../gen/giraffe/v1/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { isField } from "../../domain/field-values.ts";
import type { Difference, PagedChange } from "../../domain/history-page.ts";
import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore, Micros } from "../../store/event-store.ts";
import { noVersion, type StoredEvent } from "../../store/events.ts";
import { limitOf, startOf } from "../list-page.ts";
import { timestampFromMicros } from "../management/messages/details.ts";
import { textsKey } from "../translate/translate.ts";
import { reachOwner } from "../user/reach-user.ts";
import { FieldRulesError } from "../validate/field-violation.ts";
import { ruleText } from "../validate/rule-text.ts";
import { namesOfEditors } from "./names-of-editors.ts";
import { readHistory } from "./read-history.ts";

/** Fields in one request at most. */
const maxFields = 20;

/** List the changes of a user. Who is removed still has a history; service accounts have none. */
export function createListChanges(parts: {
  readonly store: EventStore;
  readonly directory: Directory;
}): MethodImpl<typeof UserService.method.listChanges> {
  const { store } = parts;
  return async (request, { values, signal }) => {
    const { userId, editorId, sequence, limit, ascending } = request;
    const fields = fieldsFrom(request);
    const organization = await reachOwner(parts, values, userId, "user.read");
    if (organization === undefined) throw new ServiceError("userNotFound");
    const { changes: found, next } = await readHistory(
      { store, userId, organization, signal },
      {
        beside: startOf(sequence),
        ascending,
        limit: limitOf(limit),
        fields,
        editor: editorId,
        since: microsFrom(request.since) ?? 0,
        until: microsFrom(request.until) ?? noVersion,
      },
    );
    // Loaded after that, so that nobody gets half of what an erasure has left meanwhile.
    const head = await store.load<HumanState>(userId, organization);
    if (head === undefined) throw new ServiceError("userNotFound");
    const changes = isErased(head.state) ? withoutValues(found, fields) : found;
    const editors = new Set(changes.map(({ event }) => event.creator));
    const names = await namesOfEditors(parts, values, editors);
    const { translate } = values.get(textsKey);
    return {
      changes: changes.map((change) => {
        const { type, creator } = change.event;
        const message = translate(`EventTypes.${type}`);
        const editorName = names.get(creator) ?? "";
        return { ...changeFrom(change), organizationId: organization, editorName, message };
      }),
      nextSequence: BigInt(next === (ascending ? head.version : 1) ? 0 : next),
    };
  };
}

function isErased(state: HumanState): boolean {
  return state.kind === "removed" && state.isErased === true;
}

/** No field is known to be different. */
function withoutValues(
  changes: readonly PagedChange<StoredEvent>[],
  fields: ReadonlySet<string>,
): readonly PagedChange<StoredEvent>[] {
  return fields.size > 0 ? [] : changes.map(({ event }) => ({ event, differences: [] }));
}

function fieldsFrom({ fields }: ListChangesRequest): ReadonlySet<string> {
  if (fields.length > maxFields) throw new ServiceError("queryTooLarge");
  const unknown = fields.find((field) => !isField(field));
  if (unknown === undefined) return new Set(fields);
  const description = `value must name fields that can be changed, not ${JSON.stringify(unknown)}`;
  throw new FieldRulesError(`invalid fields: ${description}`, [
    { field: "fields", description, rule: "FIELD_MASK", text: ruleText("Mask", { path: unknown }) },
  ]);
}

/** The first microsecond that is not before a time. */
function microsFrom(time: Timestamp | undefined): Micros | undefined {
  return time && Number(time.seconds) * 1_000_000 + Math.ceil(time.nanos / 1_000);
}

function changeFrom({ event, differences }: PagedChange<StoredEvent>): Change {
  const { version, at, type, creator, request = "" } = event;
  return create(ChangeSchema, {
    sequence: BigInt(version),
    time: timestampFromMicros(at),
    eventType: type,
    editorId: creator,
    requestId: request,
    fields: differences.map(fieldChangeFrom),
  });
}

function fieldChangeFrom({ field, before, after, isBeforeUnknown }: Difference) {
  return create(FieldChangeSchema, {
    field,
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    beforeUnknown: isBeforeUnknown,
  });
}
