import { readFileSync } from "node:fs";
import type { DescMessage, JsonObject } from "@bufbuild/protobuf";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { ErrorDetailSchema } from "../../gen/zitadel/message_pb.ts";
import { errors, reasonFromKey } from "../../src/domain/errors.ts";
import { codes, errorDomain, restStatuses } from "../../src/rpc/errors.ts";
import { refusals } from "../../src/wire/refusal.ts";
import type { Schemas } from "./schemas.ts";

/** Statuses that any method may answer; those of a few methods stand under `default`. */
const usual: Readonly<Record<number, { readonly title: string; readonly needsToken?: true }>> = {
  400: { title: "Refused for what the request says." },
  401: { title: "The token is missing or not valid.", needsToken: true },
  403: { title: "The caller may not do this.", needsToken: true },
  404: { title: "Not found.", needsToken: true },
  429: { title: "Too much at once: try again later." },
  500: { title: "Something went wrong here." },
  503: { title: "Not done: try again later." },
  504: { title: "Out of time. It may have been done." },
};

/** In the order in which they stand in an answer. */
const details: readonly DescMessage[] = [
  ErrorDetailSchema,
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
];

/**
 * What the details mean here, by type name, or by type name and field name: the descriptors that
 * they come from have no comments.
 */
export const detailTexts: Readonly<Record<string, string>> = {
  "google.rpc.BadRequest": "All the fields that break a rule; at most 32.",
  "google.rpc.BadRequest.FieldViolation.description": "The broken rule, in English.",
  "google.rpc.BadRequest.FieldViolation.field":
    "Where it is, in proto names, such as `profile.first_name`.",
  "google.rpc.BadRequest.FieldViolation.localizedMessage":
    "The broken rule for people, in the caller's language.",
  "google.rpc.BadRequest.FieldViolation.reason": "The broken rule for programs.",
  "google.rpc.ErrorInfo": "Why, for programs.",
  "google.rpc.ErrorInfo.domain": "Always `giraffe`.",
  "google.rpc.ErrorInfo.reason": "Never changes, and no two refusals share one.",
  "google.rpc.LocalizedMessage.locale": "Of the message: a language of ZITADEL's.",
  "google.rpc.RetryInfo": "It may help to try again.",
  "google.rpc.RetryInfo.retryDelay": "After how long.",
  "zitadel.v1.ErrorDetail": "ZITADEL's own detail, on refusals that have an id.",
  "zitadel.v1.ErrorDetail.id": "A stable id such as `COMMAND-2M0fs`.",
  "zitadel.v1.ErrorDetail.message": "The text, in the caller's language where it is translated.",
};

const english: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL("../../src/rpc/translate/texts/en.json", import.meta.url), "utf8"),
);

/** What only the framing of gRPC can cause. */
const notOnRest = ["compressionUndeclared", "messageMissing", "messageRepeated", "methodUnknown"];

/** Every reason that the service and the wire have to refuse a call over REST. */
const catalogue = [
  ...Object.entries(errors).map(([key, { kind, id, message }]) => ({
    code: codes[kind],
    reason: reasonFromKey(key as keyof typeof errors),
    id,
    // What stands before the translation stays a key.
    text: kind === "unauthenticated" ? message : (english[message] ?? message),
  })),
  ...Object.entries(refusals)
    .filter(([key]) => !notOnRest.includes(key))
    .map(([, { code, reason }]) => ({ code, reason, id: "", text: "" })),
]
  .map((refusal) => ({
    ...refusal,
    status: restStatuses[refusal.reason] ?? codeToHttpStatus(refusal.code),
  }))
  .sort((one, other) => one.status - other.status);

/**
 * The responses that refuse a call, in `components.responses`, and references to them.
 *
 * @param schemas Gets the schema of `google.rpc.Status` and of the details that we send.
 */
export function createRefusals(schemas: Schemas) {
  const schema = statusSchema(schemas);
  const referenceTo = (name: string) => ({ $ref: `#/components/responses/${name}` });

  const response = (title: string, isMeant: (status: number) => boolean): JsonObject => {
    const meant = catalogue.filter(({ status }) => isMeant(status));
    return {
      description: `${title}\n\n${tableOf(meant)}`,
      content: { "application/json": { schema, example: exampleOf(meant) } },
    };
  };

  const responses: JsonObject = {
    ...Object.fromEntries(
      Object.entries(usual).map(([status, { title }]) => [
        status,
        response(title, (each) => each === Number(status)),
      ]),
    ),
    default: response("Any other refusal.", (each) => !(each in usual)),
  };

  return {
    responses,
    /** Of one method. */
    references: (needsToken: boolean): JsonObject =>
      Object.fromEntries(
        Object.keys(responses)
          .filter((status) => needsToken || !usual[Number(status)]?.needsToken)
          .map((status) => [status, referenceTo(status)]),
      ),
  };
}

type Row = (typeof catalogue)[number];

function tableOf(refusals: readonly Row[]): string {
  const rows = refusals.map(({ status, reason, id, text }) => [
    status,
    `\`${reason}\``,
    id && `\`${id}\``,
    text,
  ]);
  return [["status", "reason", "id", "text"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** The first with an id, as the server sends it; else the first. */
function exampleOf(refusals: readonly Row[]): JsonObject {
  const row = refusals.find(({ id }) => id !== "") ?? refusals[0];
  if (row === undefined) throw new Error("a response that nothing causes");
  const { code, id, text, reason } = row;
  const type = (desc: DescMessage) => ({ "@type": `type.googleapis.com/${desc.typeName}` });
  return {
    code,
    ...(text !== "" && { message: id === "" ? text : `${text} (${id})` }),
    details: [
      ...(id === "" ? [] : [{ ...type(ErrorDetailSchema), id, message: text }]),
      { ...type(ErrorInfoSchema), reason, domain: errorDomain },
    ],
  };
}

/** Only the details that we send, told apart by their type. */
function statusSchema(schemas: Schemas) {
  const references = details.map((desc) => {
    const schema = schemas.inline(desc, []);
    const type = { type: "string", const: `type.googleapis.com/${desc.typeName}` };
    return schemas.add(desc.typeName, {
      ...schema,
      properties: { "@type": type, ...(schema.properties as JsonObject) },
      required: ["@type"],
    });
  });
  return schemas.add("google.rpc.Status", {
    type: "object",
    description: "Why a call was refused.",
    properties: {
      code: { type: "integer", format: "int32", description: "The gRPC code." },
      message: {
        type: "string",
        description:
          "The text, followed by the id in brackets if there is one. In the caller's language where it is translated.",
      },
      details: {
        type: "array",
        description: "`google.rpc.ErrorInfo` is on every refusal: its `reason` is for programs.",
        items: { oneOf: references },
      },
    },
    required: ["code"],
  });
}
