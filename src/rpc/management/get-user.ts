import type { ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { noteVersion } from "../extras/extras.ts";
import { organizationKey } from "../gate/authorize.ts";
import { userFromHead, userFromServiceAccount, versionOfServiceAccount } from "./messages/user.ts";
import { findUserName } from "./one-user/find-user-name.ts";

type GetMethods = Pick<
  ServiceImpl<typeof ManagementService>,
  "getUserByID" | "getUserByLoginNameGlobal"
>;

/** Read a user: by id within the organization of the call, or by login name on the instance. */
export function createGetUser(store: EventStore, directory: Directory): GetMethods {
  return {
    async getUserByID({ id }, { values }) {
      const organization = values.get(organizationKey);
      const head = await store.load<HumanState>(id, organization);
      const user = head && userFromHead(id, head);
      if (head !== undefined && user !== undefined) {
        noteVersion(values, head.version);
        return { user };
      }
      const account = await directory.serviceAccount(id);
      if (account?.organization !== organization) throw new ServiceError("userNotFound");
      noteVersion(values, versionOfServiceAccount);
      return { user: userFromServiceAccount(account) };
    },
    async getUserByLoginNameGlobal({ loginName }, { values }) {
      const found = await findUserName(store, loginName);
      const user = found && userFromHead(found.id, found.head);
      if (found === undefined || user === undefined) throw new ServiceError("userNotFound");
      noteVersion(values, found.head.version);
      return { user };
    },
  };
}
