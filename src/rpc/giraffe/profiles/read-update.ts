import { create } from "@bufbuild/protobuf";
import type {
  ProfileUpdate,
  UpdateProfilesRequest,
} from "../../../../gen/giraffe/v1/user_service_pb.ts";
import { UpdateHumanProfileRequestSchema } from "../../../../gen/zitadel/management_pb.ts";
import type { Gender } from "../../../../gen/zitadel/user_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import { type Profile, profileFrom } from "../../../domain/profile.ts";
import { maxMembers } from "../../../store/joint-change.ts";
import type { Extras } from "../../extras/extras.ts";
import { maskedProfile, maskFrom, unnamedFields } from "../../extras/update-mask.ts";
import { createFieldRules } from "../../validate/validate.ts";

/** What is to be changed of one user. It breaks no rule. */
export type CheckedUpdate = {
  readonly userId: string;
  readonly extras: Extras;
  readonly profile: Partial<Profile>;
};

/** Users of one batch. They are all in one transaction if the caller wants it. */
const maxUpdates = maxMembers;

/** @throws ServiceError `batchInvalid` for no updates, too many, or two of one user. */
export function assertBatch({ updates }: UpdateProfilesRequest): void {
  const users = new Set(updates.map(({ userId }) => userId));
  if (updates.length === 0 || updates.length > maxUpdates || users.size < updates.length) {
    throw new ServiceError("batchInvalid");
  }
}

/**
 * Prepare to read updates, by the rules that UpdateHumanProfile has for its fields.
 *
 * @returns Throws FieldRulesError for an update that breaks a rule, or whose mask names no field.
 */
export function createReadUpdate(): (update: ProfileUpdate, ofCall: Extras) => CheckedUpdate {
  const assertFieldRules = createFieldRules();
  return ({ userId, expectedSequence, updateMask, profile }, ofCall) => {
    const request = create(UpdateHumanProfileRequestSchema, {
      userId,
      firstName: profile?.firstName ?? "",
      lastName: profile?.lastName ?? "",
      nickName: profile?.nickName ?? "",
      displayName: profile?.displayName ?? "",
      preferredLanguage: profile?.preferredLanguage ?? "",
      // Both enums have the same numbers.
      gender: (profile?.gender ?? 0) as number as Gender,
    });
    const paths = updateMask === undefined ? null : updateMask.paths.join(",");
    assertFieldRules(UpdateHumanProfileRequestSchema, request, unnamedFields(paths));
    const mask = maskFrom(paths);
    return {
      userId,
      profile: maskedProfile(profileFrom(request), mask),
      extras: { ...ofCall, mask, condition: conditionOf(expectedSequence, ofCall) },
    };
  };
}

function conditionOf(expected: bigint | undefined, { condition }: Extras): Extras["condition"] {
  if (expected === undefined) return condition;
  return { kind: "tags", tags: [{ opaque: String(expected), isWeak: false }] };
}
