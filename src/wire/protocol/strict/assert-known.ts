import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { BadRequestSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { cut } from "../../cut.ts";
import { refusal } from "../../refusal.ts";
import { type UnknownName, unknownNames } from "./unknown-names.ts";

/** Of the paths of all names together, an error repeats four times this at most. */
const maxPathBytes = 70;

/**
 * Refuse JSON with fields or values of enums that the message does not have.
 *
 * @param text JSON that was read before.
 * @throws ConnectError invalid_argument with a `google.rpc.BadRequest` that names them, and what was probably meant.
 */
export function assertKnown(schema: DescMessage, text: string): void {
  const names = unknownNames(schema, JSON.parse(text) as JsonValue);
  if (names.length === 0) return;
  const fieldViolations = names.map((name) => ({
    field: cut(name.path, maxPathBytes),
    description: descriptionOf(name),
    reason: name.kind === "field" ? "FIELD_UNKNOWN" : "VALUE_UNKNOWN",
  }));
  const message = fieldViolations
    .map(({ field, description }) => `${JSON.stringify(field)}: ${description}`)
    .join("; ");
  const error = refusal("fieldUnknown", message);
  error.details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  throw error;
}

function descriptionOf({ kind, likely }: UnknownName): string {
  const what = kind === "field" ? "unknown field" : "unknown value";
  return likely === undefined ? what : `${what}, did you mean ${JSON.stringify(likely)}?`;
}
