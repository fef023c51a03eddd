import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { EventStore } from "../../store/event-store.ts";
import { addUnderNewId } from "../add-human.ts";
import {
  type AddHuman,
  commandFromAddRequest,
  commandFromImportRequest,
} from "./messages/add-human-command.ts";
import { detailsFromHead } from "./messages/details.ts";
import { changeUser } from "./one-user/change-user.ts";

type AddMethods = Pick<ServiceImpl<typeof ManagementService>, "addHumanUser" | "importHumanUser">;

/**
 * Add a human, who is active at once.
 *
 * A request with something that we do not store (passwords, one-time codes, links to identity
 * providers) is refused, and the error names the field.
 *
 * @param newId Makes an id. Another server may have taken it.
 */
export function createAddHumanUser(store: EventStore, newId: () => string): AddMethods {
  const add = async (command: AddHuman, context: HandlerContext) => {
    const { userId, head } = await addUnderNewId(store, newId, command, (id) =>
      changeUser(store, context, id, command),
    );
    return { userId, details: detailsFromHead(head) };
  };

  return {
    addHumanUser: (request, context) => add(commandFromAddRequest(request), context),
    importHumanUser: (request, context) => add(commandFromImportRequest(request), context),
  };
}
