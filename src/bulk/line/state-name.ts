import { UserState, UserStateSchema } from "../../../gen/zitadel/user_pb.ts";
import type { HumanStatus } from "../../domain/human-state.ts";

const states = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
} as const satisfies Record<HumanStatus, UserState>;

/** How files and answers in JSON name a status, such as `USER_STATE_ACTIVE`. */
export function stateName(status: HumanStatus): string {
  return UserStateSchema.value[states[status]]?.name ?? "";
}
