/**
 * The words of the validators that protoc-gen-validate generates in Go for ZITADEL. Clients match on
 * them, so they never change.
 */
import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";

/** What is wrong with a value, by rule. NUL and ill-formed texts are rules of our own. */
export const descriptions = {
  required: "value is required",
  enum: "value must be one of the defined enum values",
  noNul: "value must not contain U+0000",
  wellFormed: "value must be valid Unicode",
  prefix: (prefix: string) => `value does not have prefix ${JSON.stringify(prefix)}`,
  true: "value must equal true",
  email: (cause: string) => `value must be a valid email address | caused by: ${cause}`,
  /** @param least, most `undefined` if there is no such rule, which is not the same as 0. */
  length: (least: number | undefined, most: number | undefined) =>
    lengthDescription(least, most, "runes"),
  bytes: (least: number | undefined, most: number | undefined) =>
    lengthDescription(least, most, "bytes"),
} as const;

function lengthDescription(
  least: number | undefined,
  most: number | undefined,
  unit: "runes" | "bytes",
): string {
  if (least === undefined) return `value length must be at most ${most} ${unit}`;
  if (most === undefined) return `value length must be at least ${least} ${unit}`;
  if (least === most) return `value length must be ${least} ${unit}`;
  return `value length must be between ${least} and ${most} ${unit}, inclusive`;
}

/** Says which field is invalid, and why: the message of the error. */
export function invalidField(
  field: DescField | DescOneof,
  index: number | undefined,
  description: string,
): string {
  return `invalid ${goPath(field, index)}: ${description}`;
}

/** Says in which field the message is whose own field is invalid. */
export function invalidInside(field: DescField, index: number | undefined, cause: string): string {
  const description = "embedded message failed validation";
  return `${invalidField(field, index, description)} | caused by: ${cause}`;
}

/** The name of a field, or of one of its items. */
export function withIndex(name: string, index: number | undefined): string {
  return index === undefined ? name : `${name}[${index}]`;
}

/** `AddHumanUserRequest_Profile.FirstName`. */
function goPath(field: DescField | DescOneof, index: number | undefined): string {
  return `${goMessageName(field.parent)}.${withIndex(goName(field.name), index)}`;
}

function goMessageName(schema: DescMessage): string {
  const name = goName(schema.name);
  return schema.parent === undefined ? name : `${goMessageName(schema.parent)}_${name}`;
}

/** `FirstName` for `first_name`. Source: protoc-gen-go, GoCamelCase. */
function goName(name: string): string {
  return name.replace(/(?:^|_|(?<=\d))([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
