import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { type User, UserSchema, UserState } from "../../gen/zitadel/user_pb.ts";
import { ServiceError } from "../domain/errors.ts";
import { type HumanState, type HumanStatus, userNameClaim } from "../domain/human.ts";
import type { Directory, ServiceAccount } from "../store/directory.ts";
import type { EventStore, Head } from "../store/event-store.ts";
import { organizationKey } from "./authorize.ts";
import { detailsFromHead } from "./details.ts";

type GetMethods = Pick<
  ServiceImpl<typeof ManagementService>,
  "getUserByID" | "getUserByLoginNameGlobal"
>;

const states = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
} satisfies Record<HumanStatus, UserState>;

/** Read a user: by id within the organization of the call, or by login name on the instance. */
export function createGetUser(store: EventStore, directory: Directory): GetMethods {
  return {
    async getUserByID({ id }, { values }) {
      const organization = values.get(organizationKey);
      const head = await store.load<HumanState>(id, organization);
      const user = head && userFromHead(id, head);
      if (user !== undefined) return { user };
      const account = await directory.serviceAccount(id);
      if (account?.organization !== organization) throw new ServiceError("userNotFound");
      return { user: userFromServiceAccount(account) };
    },
    async getUserByLoginNameGlobal({ loginName }) {
      const place = await store.locate(userNameClaim(loginName));
      const head = place && (await store.load<HumanState>(place.stream, place.organization));
      const user = head && userFromHead(place.stream, head);
      if (user === undefined) throw new ServiceError("userNotFound");
      return { user };
    },
  };
}

/** @returns `undefined` for a user that was removed. */
function userFromHead(id: string, head: Head<HumanState>): User | undefined {
  const { state } = head;
  if (state.kind !== "present") return undefined;
  const { profile, email, isEmailVerified, phone, isPhoneVerified } = state;
  return create(UserSchema, {
    id,
    details: detailsFromHead(head),
    state: states[state.status],
    ...namesFrom(state.userName),
    type: {
      case: "human",
      value: {
        profile,
        email: { email, isEmailVerified },
        ...(phone !== "" && { phone: { phone, isPhoneVerified } }),
      },
    },
  });
}

function userFromServiceAccount({ id, name, organization, createdAt }: ServiceAccount): User {
  return create(UserSchema, {
    id,
    details: detailsFromHead({ version: 1, organization, createdAt, changedAt: createdAt }),
    state: UserState.ACTIVE,
    ...namesFrom(name),
    type: { case: "machine", value: { name } },
  });
}

/** A login name is the user name: organizations have no domains of their own. */
function namesFrom(userName: string) {
  return { userName, loginNames: [userName], preferredLoginName: userName };
}
