import { create, fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { ImportHumanUserRequestSchema } from "../../../gen/zitadel/management_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { advance, type HumanCommand } from "../../domain/human.ts";
import { type HumanState, type HumanStatus, initialState } from "../../domain/human-state.ts";
import { metadataChangesOf } from "../../domain/metadata.ts";
import type { HumanStep } from "../../rpc/change-human.ts";
import { createEnglishTranslator } from "../../rpc/translate/translate.ts";
import { createFieldRules } from "../../rpc/validate/validate.ts";
import type { Attribute } from "../../store/attributes.ts";
import type { Decision } from "../../store/event-store.ts";
import { metadataField, metadataStep } from "./metadata-field.ts";
import { type Origin, originFrom } from "./origin.ts";
import { stateName } from "./state-name.ts";
import { createUserRequests } from "./user-request.ts";

/** A user as one line of an import says it. */
export type UserLine = {
  /** `undefined`: any new one. */
  readonly userId: string | undefined;
  /** `undefined`: the only one there is. */
  readonly organization: string | undefined;
  /** What brings the user about. At least one. */
  readonly decisions: readonly Decision<HumanState>[];
  /** Whether the line says which metadata the user has, which may be none. */
  readonly tellsMetadata: boolean;
  /** Where the user was before; `undefined`: the line does not say. */
  readonly origin: Origin | undefined;
};

/** Users as lines of JSON, for import and export. */
export type UserLines = {
  /**
   * Read a line: an ImportHumanUserRequest, and beside its fields `userId`, `organization`, `state`,
   * `metadata`, `verbatim`, which says that user name, profile and phone are to be stored as they are, and
   * `sequence`, `creationDate` and `changeDate` of a user who was elsewhere before.
   *
   * @param creator Of the events.
   * @throws Error that tells a person what is wrong: no JSON object, an unknown field, a broken field
   *   rule, a field that is not kept.
   */
  read(text: string, creator: string): UserLine;
  /** As `read`, for a line that has been parsed. */
  readObject(line: JsonObject, creator: string): UserLine;
  /**
   * Write a line that `read` makes the same state of; with `verbatim`, if that is a state that a new
   * user could not have, such as one with spaces around names, which updates lead to, or with a phone
   * that was stored before phone numbers were checked.
   *
   * @returns `undefined` for a user that was removed.
   */
  write(
    userId: string,
    organization: string,
    state: HumanState,
    attributes: readonly Attribute[],
  ): string | undefined;
  /** Whether a user of this state may have metadata, which are its attributes. */
  mayHaveAttributes(state: HumanState): boolean;
};

/** What leads to each status from "active". */
const commandsTo = {
  active: undefined,
  inactive: { type: "deactivate" },
  locked: { type: "lock" },
} as const satisfies Record<HumanStatus, HumanCommand | undefined>;
const statuses = Object.keys(commandsTo) as HumanStatus[];

/** As the field rules say of ids. */
const maxIdLength = 200;

export function createUserLines(): UserLines {
  const assertFieldRules = createFieldRules();
  const { addNew, addVerbatim, leadsTo } = createUserRequests(assertFieldRules);
  const inEnglish = createEnglishTranslator();

  function lineFrom(line: JsonObject, creator: string): UserLine {
    const {
      userId,
      organization,
      state,
      verbatim,
      metadata,
      sequence,
      creationDate,
      changeDate,
      ...fields
    } = line;
    const request = fromJson(ImportHumanUserRequestSchema, fields);
    const add = isTrue("verbatim", verbatim) ? addVerbatim(request) : addNew(request);
    const commands = [add, statusCommand(state)];
    const decisions: Decision<HumanState>[] = [];
    let reached = initialState;
    const take = ({ events, ...next }: HumanStep) => {
      decisions.push({ events: events.map((event) => ({ ...event, creator })), ...next });
      reached = next.state;
    };
    for (const command of commands) if (command !== undefined) take(advance(command, reached));
    const step = metadataStep(metadata, reached, assertFieldRules);
    if (step !== undefined) take(step);
    return {
      userId: idFrom("userId", userId),
      organization: idFrom("organization", organization),
      decisions,
      tellsMetadata: metadata !== undefined && metadata !== null,
      origin: originFrom({ sequence, creationDate, changeDate }),
    };
  }

  function readObject(line: JsonObject, creator: string): UserLine {
    try {
      return lineFrom(line, creator);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw new Error(inEnglish(error.message), { cause: error });
    }
  }

  return {
    read: (text, creator) => readObject(objectFrom(text), creator),

    readObject,

    write(userId, organization, state, attributes) {
      if (state.kind !== "present") return undefined;
      const { userName, profile, email, isEmailVerified, phone, isPhoneVerified, status } = state;
      const request = create(ImportHumanUserRequestSchema, {
        userName,
        profile,
        email: { email, isEmailVerified },
        ...(phone !== "" && { phone: { phone, isPhoneVerified } }),
      });
      const fields = toJson(ImportHumanUserRequestSchema, request) as JsonObject;
      const name = stateName(status);
      const verbatim = leadsTo(state, request) ? undefined : true;
      const metadata = metadataField(attributes);
      return JSON.stringify({ userId, organization, state: name, verbatim, ...fields, metadata });
    },

    mayHaveAttributes: (state) => metadataChangesOf(state) > 0,
  };
}

/** @throws Error if the text is not a JSON object. */
export function objectFrom(text: string): JsonObject {
  const value: JsonValue = JSON.parse(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new Error("the line is not a JSON object");
}

function isTrue(field: string, value: JsonValue | undefined): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === "boolean") return value;
  throw new Error(`${field} must be true or false`);
}

/** @throws Error if it is there and no id. */
export function idFrom(field: string, value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isText = typeof value === "string" && value.isWellFormed() && !value.includes("\0");
  if (isText && value !== "" && [...value].length <= maxIdLength) return value;
  throw new Error(`${field} is not a text of 1 to ${maxIdLength} characters`);
}

function statusCommand(value: JsonValue | undefined): HumanCommand | undefined {
  if (value === undefined || value === null) return undefined;
  const status = statuses.find((each) => stateName(each) === value);
  if (status !== undefined) return commandsTo[status];
  throw new Error(`state must be one of ${statuses.map(stateName).join(", ")}`);
}
