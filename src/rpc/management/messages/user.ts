import { create } from "@bufbuild/protobuf";
import { type User, UserSchema, UserState } from "../../../../gen/zitadel/user_pb.ts";
import type { HumanState, HumanStatus } from "../../../domain/human-state.ts";
import type { ServiceAccount } from "../../../store/directory.ts";
import type { Head } from "../../../store/event-store.ts";
import { detailsFromHead } from "./details.ts";

/** The state on the wire for each status. */
export const userStates = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
} satisfies Record<HumanStatus, UserState>;

/** @returns `undefined` for a user that was removed. */
export function userFromHead(id: string, head: Head<HumanState>): User | undefined {
  const { state } = head;
  if (state.kind !== "present") return undefined;
  const { profile, email, isEmailVerified, phone, isPhoneVerified } = state;
  return create(UserSchema, {
    id,
    details: detailsFromHead(head),
    state: userStates[state.status],
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

/** A service account never changes. */
export const versionOfServiceAccount = 1;

/** A service account, as every reading call shows it. */
export function userFromServiceAccount({
  id,
  name,
  organization,
  createdAt,
}: ServiceAccount): User {
  return create(UserSchema, {
    id,
    details: detailsFromHead({
      version: versionOfServiceAccount,
      organization,
      createdAt,
      changedAt: createdAt,
    }),
    state: UserState.ACTIVE,
    ...namesFrom(name),
    type: { case: "machine", value: { name } },
  });
}

/** A login name is the user name: organizations have no domains of their own. */
function namesFrom(userName: string) {
  return { userName, loginNames: [userName], preferredLoginName: userName };
}
