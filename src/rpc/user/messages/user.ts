import { create } from "@bufbuild/protobuf";
import {
  type HumanUser,
  HumanUserSchema,
  type User,
  UserSchema,
  UserState,
} from "../../../../gen/zitadel/user/v2/user_pb.ts";
import type { HumanStatus, PresentHuman } from "../../../domain/human-state.ts";
import type { ServiceAccount } from "../../../store/directory.ts";
import type { Head } from "../../../store/event-store.ts";
import { detailsOfRead } from "./details.ts";

/** The state on the wire for each status. */
export const userStates = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
} satisfies Record<HumanStatus, UserState>;

/** A human, as both reading calls of v2 show it. */
export function userFromHead(userId: string, head: Head<PresentHuman>): User {
  const { state } = head;
  return create(UserSchema, {
    userId,
    details: detailsOfRead(head),
    state: userStates[state.status],
    ...namesFrom(state.userName),
    type: { case: "human", value: humanFrom(state) },
  });
}

/** A service account never changes, so its version is 1. */
export function userFromServiceAccount({
  id,
  name,
  organization,
  createdAt,
}: ServiceAccount): User {
  return create(UserSchema, {
    userId: id,
    details: detailsOfRead({ version: 1, organization, createdAt, changedAt: createdAt }),
    state: UserState.ACTIVE,
    ...namesFrom(name),
    type: { case: "machine", value: { name } },
  });
}

/** The four optional fields, e-mail and phone are there even if they are empty, as in ZITADEL. */
function humanFrom({
  profile: { firstName, lastName, ...profile },
  email,
  isEmailVerified,
  phone,
  isPhoneVerified,
}: PresentHuman): HumanUser {
  return create(HumanUserSchema, {
    profile: { givenName: firstName, familyName: lastName, ...profile },
    email: { email, isVerified: isEmailVerified },
    phone: { phone, isVerified: isPhoneVerified },
  });
}

/** A login name is the user name: organizations have no domains of their own. */
function namesFrom(username: string) {
  return { username, loginNames: [username], preferredLoginName: username };
}
