import {
  type ImportHumanUserRequest,
  ImportHumanUserRequestSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { advance } from "../../domain/human.ts";
import { initialState, type PresentHuman } from "../../domain/human-state.ts";
import { changedFields } from "../../domain/profile.ts";
import {
  type AddHuman,
  commandFromImportRequest,
} from "../../rpc/management/messages/add-human-command.ts";
import { FieldRulesError, type FieldViolation } from "../../rpc/validate/field-violation.ts";
import type { createFieldRules } from "../../rpc/validate/validate.ts";

/** What the request in a line asks for. */
export type UserRequests = {
  /** @throws FieldRulesError, ServiceError as ImportHumanUser refuses a request. */
  addNew(request: ImportHumanUserRequest): AddHuman;
  /**
   * The same, but user name, profile and phone are stored as they are.
   *
   * @throws Error also if the language is not a language tag.
   */
  addVerbatim(request: ImportHumanUserRequest): AddHuman;
  /** Whether a new user of this request would have this user name, profile and phone. */
  leadsTo(human: PresentHuman, request: ImportHumanUserRequest): boolean;
};

/** What we make of these may be longer than what a request may say. */
const lengthened = ["profile.display_name", "profile.preferred_language"];

function isOnlyLong({ field, rule }: FieldViolation): boolean {
  return rule === "STRING_LENGTH" && lengthened.includes(field);
}

export function createUserRequests(
  assertFieldRules: ReturnType<typeof createFieldRules>,
): UserRequests {
  function addNew(request: ImportHumanUserRequest): AddHuman {
    assertFieldRules(ImportHumanUserRequestSchema, request);
    return commandFromImportRequest(request);
  }

  function addVerbatim(request: ImportHumanUserRequest): AddHuman {
    try {
      assertFieldRules(ImportHumanUserRequestSchema, request);
    } catch (error) {
      if (!(error instanceof FieldRulesError && error.violations.every(isOnlyLong))) throw error;
    }
    const add = commandFromImportRequest(request);
    const preferredLanguage = request.profile?.preferredLanguage ?? "";
    if (!/^[a-z0-9]{1,8}(-[a-z0-9]{1,8})*$/i.test(preferredLanguage)) {
      throw new Error("preferredLanguage is not a language tag");
    }
    const phone = request.phone?.phone ?? "";
    return { ...add, isVerbatim: true, phone, profile: { ...add.profile, preferredLanguage } };
  }

  function leadsTo(
    { userName, profile, phone }: PresentHuman,
    request: ImportHumanUserRequest,
  ): boolean {
    try {
      const { state } = advance(addNew(request), initialState);
      if (state.kind !== "present") return false;
      if (state.userName !== userName || state.phone !== phone) return false;
      return isEmpty(changedFields(profile, state.profile));
    } catch (error) {
      if (error instanceof FieldRulesError || error instanceof ServiceError) return false;
      throw error;
    }
  }

  return { addNew, addVerbatim, leadsTo };
}

function isEmpty(fields: object): boolean {
  return Object.keys(fields).length === 0;
}
