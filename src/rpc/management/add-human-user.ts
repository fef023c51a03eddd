import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { userNameKey } from "../../domain/user-name.ts";
import type { EventStore } from "../../store/event-store.ts";
import { trim } from "../../text/trim.ts";
import {
  type AddHuman,
  commandFromAddRequest,
  commandFromImportRequest,
} from "./add-human-command.ts";
import { changeUser } from "./change-user.ts";
import { detailsFromHead } from "./details.ts";

type AddMethods = Pick<ServiceImpl<typeof ManagementService>, "addHumanUser" | "importHumanUser">;

/** How many new ids are tried. Even one that is taken is extremely unlikely. */
const maxAttempts = 3;

/**
 * Add a human, who is active at once.
 *
 * A request with something that we do not store (passwords, one-time codes, links to identity
 * providers) is refused, and the error names the field.
 *
 * @param newId Makes an id. Another server may have taken it.
 */
export function createAddHumanUser(store: EventStore, newId: () => string): AddMethods {
  async function add(command: AddHuman, context: HandlerContext, attempt = 1) {
    const userId = newId();
    try {
      const head = await changeUser(store, context, userId, command);
      return { userId, details: detailsFromHead(head) };
    } catch (error) {
      if (!isTaken(error)) throw error;
      const holder = await store.locate(userNameKey(trim(command.userName)));
      if (holder !== undefined || attempt === maxAttempts)
        throw new ServiceError("userAlreadyExists");
      return add(command, context, attempt + 1);
    }
  }

  return {
    addHumanUser: (request, context) => add(commandFromAddRequest(request), context),
    importHumanUser: (request, context) => add(commandFromImportRequest(request), context),
  };
}

function isTaken(error: unknown): boolean {
  return error instanceof ServiceError && error.key === "userAlreadyExists";
}
