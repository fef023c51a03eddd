import type { MethodImpl } from "@connectrpc/connect";
import type { UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { editorNames } from "../editor-names.ts";
import { timestampFromMicros } from "../management/details.ts";
import { translatorKey } from "../translate/translate.ts";
import { reachOwner } from "../user/reach-user.ts";

/** Changes in one answer if the caller sets no limit. */
const defaultLimit = 100;
/** Changes in one answer at most. */
const maxLimit = 1_000;

/** List the changes of a user. Who is removed still has a history; service accounts have none. */
export function createListChanges(parts: {
  readonly store: EventStore;
  readonly directory: Directory;
}): MethodImpl<typeof UserService.method.listChanges> {
  const { store, directory } = parts;
  return async ({ userId, sequence, limit: asked, ascending }, { values }) => {
    const organization = await reachOwner(parts, values, userId, "user.read");
    const head = organization && (await store.load(userId, organization));
    if (!head || !organization) throw new ServiceError("userNotFound");
    const limit = Math.min(asked || defaultLimit, maxLimit);
    // No version is larger than this, and every engine can compare with it.
    const beside = Math.min(Number(sequence), Number.MAX_SAFE_INTEGER);
    const events = await store.outlineHistory(userId, organization, {
      after: ascending ? beside : 0,
      ...(!ascending && beside > 0 && { before: beside }),
      limit,
      ascending,
    });
    const names = await editorNames(directory, new Set(events.map(({ creator }) => creator)));
    const translate = values.get(translatorKey);
    const last = events.at(-1)?.version ?? 0;
    const isMore = events.length === limit && last !== (ascending ? head.version : 1);
    return {
      changes: events.map(({ type, version, at, creator, request }) => ({
        sequence: BigInt(version),
        time: timestampFromMicros(at),
        eventType: type,
        editorId: creator,
        editorName: names.get(creator) ?? "",
        organizationId: organization,
        requestId: request ?? "",
        message: translate(`EventTypes.${type}`),
      })),
      nextSequence: isMore ? BigInt(last) : 0n,
    };
  };
}
