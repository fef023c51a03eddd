import {
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import {
  BoolRulesSchema,
  disabled,
  EnumRulesSchema,
  FieldRulesSchema,
  MessageRulesSchema,
  RepeatedRulesSchema,
  required,
  rules,
} from "../../../gen/validate/validate_pb.ts";
import { bytesChecks } from "./bytes-checks.ts";
import {
  type FieldValues,
  failure,
  inside,
  joined,
  type MessageCheck,
  none,
  onItems,
  onValue,
  valueFailures,
} from "./field-checks.ts";
import { assertImplemented } from "./implemented-rules.ts";
import { ruleText } from "./rule-text.ts";
import { stringChecks, textChecks } from "./string-checks.ts";
import { descriptions } from "./upstream-wording.ts";

/** The checks of all messages compiled so far. */
export type MessageChecks = Map<DescMessage, MessageCheck>;

/**
 * Compile the `(validate.rules)` of a message, and of all messages within it.
 *
 * The order is that of the code which protoc-gen-validate makes for ZITADEL: the plain fields as they are
 * declared, then the oneofs, each with the field that is set, then the fields with the word `optional`.
 * Source: protoc-gen-validate, templates/goshared/msg.go.
 *
 * @param checks Gets every check that is compiled. Do not use it again after an error.
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
  const add = (fields: readonly DescField[]) => {
    for (const field of fields) {
      const compiled = compileField(field, checks);
      if (compiled !== undefined) parts.push(compiled);
    }
  };
  const single = schema.fields.filter((field) => field.oneof === undefined);
  add(single.filter((field) => !field.proto.proto3Optional));
  for (const oneof of schema.oneofs) {
    add(oneof.fields);
    if (getOption(oneof, required)) parts.push(requiredOneof(oneof));
  }
  add(single.filter((field) => field.proto.proto3Optional));
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
  switch (field.scalar) {
    case ScalarType.STRING: {
      const { type } = rulesOf(field, ["string"]);
      const all = [
        ...(type.case === "string" ? stringChecks(field, type.value) : []),
        ...textChecks,
      ];
      return onValue(field, (value) => valueFailures(field, all, value as string));
    }
    case ScalarType.BYTES: {
      const { type } = rulesOf(field, ["bytes"]);
      if (type.case !== "bytes") return undefined;
      const all = bytesChecks(field, type.value);
      return onValue(field, (value) => valueFailures(field, all, value as Uint8Array));
    }
    case ScalarType.BOOL:
      return compileBool(field);
    default:
      rulesOf(field, []);
      return undefined;
  }
}

function compileBool(field: DescField): MessageCheck | undefined {
  const { type } = rulesOf(field, ["bool"]);
  if (type.case !== "bool") return undefined;
  assertImplemented(field, BoolRulesSchema, type.value, ["const"]);
  if (!type.value.const) throw new Error(`${field}: the rule const: false is not implemented`);
  const rule = { rule: "BOOL_TRUE", text: ruleText("True") } as const;
  const failures = [failure(field, rule, descriptions.true)];
  return onValue(field, (value) => (value === true ? none : failures));
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
  const { type } = rulesOf(field, ["repeated"]);
  const items = type.case === "repeated" ? type.value : undefined;
  if (items !== undefined) assertImplemented(field, RepeatedRulesSchema, items, ["items"]);
  if (field.message !== undefined) {
    if (items !== undefined)
      throw new Error(`${field}: rules of listed messages are not implemented`);
    const check = compileMessage(field.message, checks);
    return onItems(field, (item, index) => inside(field, check(item as FieldValues), index));
  }
  const own = items?.items;
  if (own !== undefined) assertImplemented(field, FieldRulesSchema, own, ["string"]);
  if (field.scalar !== ScalarType.STRING) {
    if (own !== undefined) throw new Error(`${field}: rules of its items are not implemented`);
    return undefined;
  }
  const all = [
    ...(own?.type.case === "string" ? stringChecks(field, own.type.value) : []),
    ...textChecks,
  ];
  return onItems(field, (item, index) => valueFailures(field, all, item as string, index));
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
