import {
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  disabled,
  EnumRulesSchema,
  FieldRulesSchema,
  MessageRulesSchema,
  required,
  rules,
} from "../../../gen/validate/validate_pb.ts";
import type { FieldViolation } from "./field-violation.ts";
import { assertImplemented } from "./implemented-rules.ts";
import { ruleText } from "./rule-text.ts";
import { type StringCheck, stringChecks, textChecks } from "./string-checks.ts";
import { descriptions, invalidField, invalidInside, withIndex } from "./upstream-wording.ts";

/** A violation, and the message of the error if it is the first one. */
export type Failure = { readonly violation: FieldViolation; readonly message: string };

/** @returns What is wrong, in the order of field numbers; empty if the message is valid. */
export type MessageCheck = (message: FieldValues) => readonly Failure[];

/** A message, as its fields are read: by their local names. */
export type FieldValues = Readonly<Record<string, unknown>>;

/** The checks of all messages compiled so far. */
export type MessageChecks = Map<DescMessage, MessageCheck>;

/** At most this many failures are looked for in one list. */
export const maxFailures = 32;

/** Shared, so that a valid message costs no allocation. */
const none: readonly Failure[] = [];

/**
 * Compile the `(validate.rules)` of a message, and of all messages within it.
 *
 * @param checks Gets every check that is compiled.
 * @throws Error for a rule or an option that is not implemented.
 */
export function compileMessage(schema: DescMessage, checks: MessageChecks): MessageCheck {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  if (hasOption(schema, disabled))
    throw new Error(`${schema}: validation options of messages are not implemented`);

  const parts: MessageCheck[] = [];
  const check: MessageCheck = (message) => {
    let failures = none;
    for (const part of parts) failures = joined(failures, part(message));
    return failures;
  };
  // Before its fields are compiled, because a message may contain itself.
  checks.set(schema, check);
  for (const field of schema.fields.toSorted((a, b) => a.number - b.number)) {
    const compiled = compileField(field, checks);
    if (compiled !== undefined) parts.push(compiled);
  }
  for (const oneof of schema.oneofs)
    if (getOption(oneof, required)) parts.push(requiredOneof(oneof));
  return check;
}

/** @returns `undefined` if every value of the field is valid. */
function compileField(field: DescField, checks: MessageChecks): MessageCheck | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return compileScalar(field);
    case "enum":
      return compileEnum(field);
    case "message":
      return compileMessageField(field, checks);
    case "list":
      return compileList(field, checks);
    case "map":
      throw new Error(`${field}: maps are not implemented`);
  }
}

function compileScalar(field: DescField & { fieldKind: "scalar" }): MessageCheck | undefined {
  const isText = field.scalar === ScalarType.STRING;
  const { type } = rulesOf(field, isText ? ["string"] : []);
  if (!isText) return undefined;
  const own = type.case === "string" ? stringChecks(field, type.value) : [];
  const all = [...own, ...textChecks];
  return onValue(field, (value) => textFailures(field, all, value as string));
}

function compileEnum(field: DescField & { fieldKind: "enum" }): MessageCheck | undefined {
  const { type } = rulesOf(field, ["enum"]);
  if (type.case !== "enum") return undefined;
  assertImplemented(field, EnumRulesSchema, type.value, ["defined_only"]);
  if (!type.value.definedOnly) return undefined;
  const numbers = new Set(field.enum.values.map((value) => value.number));
  const rule = { rule: "ENUM_DEFINED_ONLY", text: ruleText("Enum") } as const;
  const failures = [failure(field, rule, descriptions.enum)];
  return onValue(field, (value) => (numbers.has(value as number) ? none : failures));
}

function compileMessageField(
  field: DescField & { fieldKind: "message" },
  checks: MessageChecks,
): MessageCheck {
  const { message: set } = rulesOf(field, ["message"]);
  if (set !== undefined) assertImplemented(field, MessageRulesSchema, set, ["required"]);
  const rule = { rule: "MESSAGE_REQUIRED", text: ruleText("Required") } as const;
  const missing = set?.required ? [failure(field, rule, descriptions.required)] : none;
  const check = compileMessage(field.message, checks);
  return onValue(field, (value) => inside(field, check(value as FieldValues)), missing);
}

function compileList(
  field: DescField & { fieldKind: "list" },
  checks: MessageChecks,
): MessageCheck | undefined {
  rulesOf(field, []);
  if (field.message !== undefined) {
    const check = compileMessage(field.message, checks);
    return onItems(field, (item, index) => inside(field, check(item as FieldValues), index));
  }
  if (field.scalar !== ScalarType.STRING) return undefined;
  return onItems(field, (item, index) => textFailures(field, textChecks, item as string, index));
}

function requiredOneof(oneof: DescOneof): MessageCheck {
  const rule = { rule: "ONEOF_REQUIRED", text: ruleText("Required") } as const;
  const missing = [failure(oneof, rule, descriptions.required)];
  return (message) => {
    const selected = message[oneof.localName] as { readonly case?: string };
    return selected.case === undefined ? missing : none;
  };
}

/** @param known Proto names of the kinds of rules that are checked for such a field. */
function rulesOf(field: DescField, known: readonly string[]) {
  const set = getOption(field, rules);
  assertImplemented(field, FieldRulesSchema, set, known);
  return set;
}

/** @param missing What is wrong if a field of a message is not set. */
function onValue(
  field: DescField,
  check: (value: unknown) => readonly Failure[],
  missing: readonly Failure[] = none,
): MessageCheck {
  const name = field.localName;
  const oneof = field.oneof?.localName;
  if (oneof === undefined)
    return (message) => {
      const value = message[name];
      return value === undefined ? missing : check(value);
    };
  return (message) => {
    const selected = message[oneof] as { readonly case?: string; readonly value?: unknown };
    return selected.case === name ? check(selected.value) : none;
  };
}

function onItems(
  field: DescField,
  check: (item: unknown, index: number) => readonly Failure[],
): MessageCheck {
  const name = field.localName;
  return (message) => {
    let failures = none;
    for (const [index, item] of (message[name] as readonly unknown[]).entries()) {
      failures = joined(failures, check(item, index));
      if (failures.length >= maxFailures) break;
    }
    return failures;
  };
}

function textFailures(
  field: DescField,
  checks: readonly StringCheck[],
  value: string,
  index?: number,
): readonly Failure[] {
  let failures = none;
  for (const check of checks) {
    const description = check.problem(value);
    if (description !== undefined)
      failures = joined(failures, [failure(field, check, description, index)]);
  }
  return failures;
}

/** @param index Of the item, in a list. */
function failure(
  field: DescField | DescOneof,
  { rule, text }: Pick<FieldViolation, "rule" | "text">,
  description: string,
  index?: number,
): Failure {
  return {
    violation: { field: withIndex(field.name, index), description, rule, text },
    message: invalidField(field, index, description),
  };
}

/** The failures of a message as failures of the message around it. */
function inside(
  field: DescField,
  failures: readonly Failure[],
  index?: number,
): readonly Failure[] {
  if (failures.length === 0) return none;
  const place = withIndex(field.name, index);
  return failures.map(({ violation, message }) => ({
    violation: { ...violation, field: `${place}.${violation.field}` },
    message: invalidInside(field, index, message),
  }));
}

function joined(failures: readonly Failure[], more: readonly Failure[]): readonly Failure[] {
  return more.length === 0 ? failures : [...failures, ...more];
}
