import type { MethodImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { editorNames } from "../editor-names.ts";
import { organizationKey } from "../gate/authorize.ts";
import { limitOf, startOf } from "../list-page.ts";
import { textsKey } from "../translate/translate.ts";
import { timestampFromMicros } from "./messages/details.ts";

/** List the changes of a user: which kind, when and by whom, without values. */
export function createListUserChanges(
  store: EventStore,
  directory: Directory,
): MethodImpl<typeof ManagementService.method.listUserChanges> {
  return async ({ userId, query }, { values }) => {
    const organization = values.get(organizationKey);
    const { translate } = values.get(textsKey);
    const events = await store.outlineHistory(userId, organization, {
      after: startOf(query?.sequence),
      limit: limitOf(query?.limit),
      ascending: query?.asc ?? false,
    });
    const names = await editorNames(directory, new Set(events.map(({ creator }) => creator)));
    return {
      result: events.map(({ type, version, at, creator }) => {
        const key = `EventTypes.${type}`;
        const name = names.get(creator) ?? "";
        return {
          changeDate: timestampFromMicros(at),
          eventType: { key, localizedMessage: translate(key) },
          sequence: BigInt(version),
          editorId: creator,
          editorDisplayName: name,
          editorPreferredLoginName: name,
          resourceOwnerId: organization,
        };
      }),
    };
  };
}
