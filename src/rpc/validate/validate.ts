import {
  type DescField,
  type DescMessage,
  type DescOneof,
  type DescService,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import {
  disabled,
  EnumRulesSchema,
  FieldRulesSchema,
  MessageRulesSchema,
  required,
  rules,
  type StringRules,
  StringRulesSchema,
} from "../../../gen/validate/validate_pb.ts";
import { emailProblem } from "./email-address.ts";

/** What a field breaks. Stable: goes over the wire as the violation's reason. */
export type FieldRule =
  | "ENUM_DEFINED_ONLY"
  | "MESSAGE_REQUIRED"
  | "ONEOF_REQUIRED"
  | "STRING_EMAIL"
  | "STRING_LENGTH"
  | "STRING_NO_NUL"
  | "STRING_PREFIX"
  | "STRING_WELL_FORMED";

export type FieldViolation = {
  /** Path in proto names: `profile.first_name`, `idps[0].config_id`. */
  readonly field: string;
  /** Such as "value length must be between 1 and 200 runes, inclusive". */
  readonly description: string;
  readonly rule: FieldRule;
  /** What to tell a person: a key of the translations, and what goes in place of `{min}` and so on. */
  readonly text: RuleText;
  /** The text in the caller's language; set by createTranslate. */
  readonly localized?: { readonly locale: string; readonly message: string };
};

export type RuleText = {
  readonly key: `Errors.Field.${RuleTextName}`;
  readonly values: Readonly<Record<string, string>>;
};

type RuleTextName =
  | "Email"
  | "Enum"
  | `Length.${"Between" | "Exact" | "Max" | "Min"}`
  | "NoNul"
  | "Prefix"
  | "Required"
  | "WellFormed";

/**
 * A request breaks the rules of its fields.
 *
 * `message` is the first violation in the words of protoc-gen-validate, which clients match on.
 */
export class FieldRulesError extends Error {
  override readonly name = "FieldRulesError";
  /** In order of field numbers; the first 32 of them, fewer if they are deep inside. */
  readonly violations: readonly FieldViolation[];

  constructor(message: string, violations: readonly FieldViolation[]) {
    super(message);
    this.violations = violations;
  }
}

/**
 * Stop unary requests that break the `(validate.rules)` of their fields, and those with text that
 * no store keeps unchanged: U+0000 and lone surrogates. A field's rules come before that check.
 *
 * @param services Every service with unary methods behind this interceptor.
 * @throws Error at once if a request has a rule that is not implemented here. Of protoc-gen-validate
 *   these are: min_len, max_len, prefix and email of a string, defined_only of an enum, required of
 *   a message and of a oneof.
 * @throws FieldRulesError for the request.
 */
export function createValidate(services: readonly DescService[]): Interceptor {
  const assertFieldRules = createFieldRules(services);
  return (next) => async (request) => {
    if (!request.stream) assertFieldRules(request.method.input, request.message);
    return next(request);
  };
}

/** The check of `createValidate` for requests that do not come over the wire. */
export function createFieldRules(
  services: readonly DescService[],
): (schema: DescMessage, message: Message) => void {
  const checks = new Map<DescMessage, MessageCheck>();
  for (const service of services)
    for (const method of service.methods)
      if (method.methodKind === "unary") compileMessage(method.input, checks);

  return (schema, message) => {
    const check = checks.get(schema);
    if (check === undefined) throw new Error(`the rules of ${schema.typeName} were not compiled`);
    const failures = check(message as unknown as Values);
    const first = failures[0];
    if (first === undefined) return;
    throw new FieldRulesError(first.text, violationsThatFit(failures));
  };
}

/**
 * A request of 64 KiB can break its rules tens of thousands of times. The violations travel in
 * response headers, of which common clients accept 8 KiB: 32 of ordinary length fit, and no request
 * has that many fields outside lists.
 */
const maxViolations = 32;
/** Characters of their paths and descriptions. Only those of messages within messages reach it. */
const maxViolationsLength = 4_096;

function violationsThatFit(failures: readonly Failure[]): FieldViolation[] {
  let length = 0;
  return failures
    .slice(0, maxViolations)
    .map(({ violation }) => violation)
    .filter(({ field, description }, index) => {
      length += field.length + description.length;
      return index === 0 || length <= maxViolationsLength;
    });
}

type Values = Readonly<Record<string, unknown>>;
type Failure = { readonly violation: FieldViolation; readonly text: string };
type MessageCheck = (message: Values) => readonly Failure[];
type Rule = Pick<FieldViolation, "rule" | "text">;
type StringCheck = Rule & {
  /** `undefined`: nothing is wrong. */
  readonly problem: (value: string) => string | undefined;
};

/** Shared, so that a valid message costs no allocation. */
const none: readonly Failure[] = [];

function compileMessage(schema: DescMessage, checks: Map<DescMessage, MessageCheck>): MessageCheck {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  if (hasOption(schema, disabled))
    throw new Error(`${schema}: validation options of messages are not implemented`);

  const fields: MessageCheck[] = [];
  // Known before its fields are compiled, because a message may contain itself.
  const check: MessageCheck = (message) => {
    let failures = none;
    for (const field of fields) {
      const more = field(message);
      if (more.length > 0) failures = [...failures, ...more];
    }
    return failures;
  };
  checks.set(schema, check);
  for (const field of schema.fields.toSorted((a, b) => a.number - b.number)) {
    const compiled = compileField(field, checks);
    if (compiled !== undefined) fields.push(compiled);
  }
  for (const oneof of schema.oneofs)
    if (getOption(oneof, required)) fields.push(oneofRequired(oneof));
  return check;
}

function oneofRequired(oneof: DescOneof): MessageCheck {
  const missing = [failure(oneof, rule("ONEOF_REQUIRED", "Required"), "value is required")];
  return (message) => {
    const selected = message[oneof.localName] as { readonly case?: string };
    return selected.case === undefined ? missing : none;
  };
}

/** @returns `undefined` if every value of the field is valid. */
function compileField(
  field: DescField,
  checks: Map<DescMessage, MessageCheck>,
): MessageCheck | undefined {
  const set = getOption(field, rules);
  switch (field.fieldKind) {
    case "scalar": {
      if (field.scalar !== ScalarType.STRING) {
        implemented(field, FieldRulesSchema, set, []);
        return undefined;
      }
      const { type } = implemented(field, FieldRulesSchema, set, ["string"]);
      const ruleChecks = type.case === "string" ? stringChecks(field, type.value) : [];
      const all = [...ruleChecks, ...textChecks];
      return onValue(field, (value) => textFailures(field, all, value as string));
    }
    case "enum": {
      const { type } = implemented(field, FieldRulesSchema, set, ["enum"]);
      if (type.case !== "enum") return undefined;
      const only = implemented(field, EnumRulesSchema, type.value, ["defined_only"]).definedOnly;
      if (!only) return undefined;
      const numbers = new Set(field.enum.values.map((value) => value.number));
      const text = "value must be one of the defined enum values";
      const failures = [failure(field, rule("ENUM_DEFINED_ONLY", "Enum"), text)];
      return onValue(field, (value) => (numbers.has(value as number) ? none : failures));
    }
    case "message": {
      const { message } = implemented(field, FieldRulesSchema, set, ["message"]);
      const isRequired =
        message !== undefined &&
        implemented(field, MessageRulesSchema, message, ["required"]).required;
      const missing = [failure(field, rule("MESSAGE_REQUIRED", "Required"), "value is required")];
      const check = compileMessage(field.message, checks);
      return onValue(
        field,
        (value) => inside(field, check(value as Values)),
        isRequired ? missing : none,
      );
    }
    case "list": {
      implemented(field, FieldRulesSchema, set, []);
      if (field.message !== undefined) {
        const check = compileMessage(field.message, checks);
        return onItems(field, (item, index) => inside(field, check(item as Values), index));
      }
      if (field.scalar !== ScalarType.STRING) return undefined;
      return onItems(field, (item, index) =>
        textFailures(field, textChecks, item as string, index),
      );
    }
    case "map":
      throw new Error(`${field}: maps are not implemented`);
  }
}

/** Pass a set of rules on, if it has no other rules than the known ones. */
function implemented<Desc extends DescMessage>(
  field: DescField,
  schema: Desc,
  set: MessageShape<Desc>,
  known: readonly string[],
): MessageShape<Desc> {
  for (const rule of schema.fields)
    if (isFieldSet(set, rule) && !known.includes(rule.name))
      throw new Error(`${field}: the rule ${rule.name} of ${schema.typeName} is not implemented`);
  return set;
}

function rule(rule: FieldRule, name: RuleTextName, values: RuleText["values"] = {}): Rule {
  return { rule, text: { key: `Errors.Field.${name}`, values } };
}

/** @param index Of the item, in a list. */
function failure(
  field: DescField | DescOneof,
  { rule, text }: Rule,
  description: string,
  index?: number,
): Failure {
  return {
    violation: { field: at(field.name, index), description, rule, text },
    text: `invalid ${goPath(field, index)}: ${description}`,
  };
}

/** The failures of a message as failures of the message around it. */
function inside(
  field: DescField,
  failures: readonly Failure[],
  index?: number,
): readonly Failure[] {
  if (failures.length === 0) return none;
  const place = at(field.name, index);
  const prefix = `invalid ${goPath(field, index)}: embedded message failed validation`;
  return failures.map(({ violation, text }) => ({
    violation: { ...violation, field: `${place}.${violation.field}` },
    text: `${prefix} | caused by: ${text}`,
  }));
}

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
      const more = check(item, index);
      if (more.length > 0) failures = [...failures, ...more];
      if (failures.length >= maxViolations) break;
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
      failures = [...failures, failure(field, check, description, index)];
  }
  return failures;
}

const textChecks: readonly StringCheck[] = [
  {
    ...rule("STRING_NO_NUL", "NoNul"),
    problem: (value) => (value.includes("\u0000") ? "value must not contain U+0000" : undefined),
  },
  {
    ...rule("STRING_WELL_FORMED", "WellFormed"),
    problem: (value) => (value.isWellFormed() ? undefined : "value must be valid Unicode"),
  },
];

function stringChecks(field: DescField, set: StringRules): readonly StringCheck[] {
  implemented(field, StringRulesSchema, set, ["min_len", "max_len", "prefix", "email"]);
  const { minLen, maxLen } = StringRulesSchema.field;
  const checks: StringCheck[] = [];
  const min = isFieldSet(set, minLen) ? Number(set.minLen) : undefined;
  const max = isFieldSet(set, maxLen) ? Number(set.maxLen) : undefined;
  if (min !== undefined || max !== undefined) checks.push(lengthCheck(min, max));
  if (set.prefix !== "") {
    const text = `value does not have prefix ${JSON.stringify(set.prefix)}`;
    checks.push({
      ...rule("STRING_PREFIX", "Prefix", { prefix: set.prefix }),
      problem: (value) => (value.startsWith(set.prefix) ? undefined : text),
    });
  }
  if (set.wellKnown.case === "email" && set.wellKnown.value)
    checks.push({
      ...rule("STRING_EMAIL", "Email"),
      problem: (value) => {
        const cause = emailProblem(value);
        if (cause === undefined) return undefined;
        return `value must be a valid email address | caused by: ${cause}`;
      },
    });
  return checks;
}

function lengthCheck(min = 0, max = Number.POSITIVE_INFINITY): StringCheck {
  const [description, ...text] = lengthTexts(min, max);
  return {
    ...rule("STRING_LENGTH", ...text),
    problem(value) {
      // Between half as many and as many code points as UTF-16 units: counting is rarely needed,
      // and never of more than twice the limit.
      const units = value.length;
      if (units <= max && units / 2 >= min) return undefined;
      if (units / 2 > max) return description;
      let count = 0;
      for (const _ of value) count++;
      return count >= min && count <= max ? undefined : description;
    },
  };
}

/** In the words of protoc-gen-validate; the name in the translations, and its values. */
function lengthTexts(
  least: number,
  most: number,
): [description: string, name: RuleTextName, values: RuleText["values"]] {
  const [min, max] = [String(least), String(most)];
  if (least === most) return [`value length must be ${min} runes`, "Length.Exact", { length: min }];
  if (least === 0) return [`value length must be at most ${max} runes`, "Length.Max", { max }];
  if (most === Number.POSITIVE_INFINITY)
    return [`value length must be at least ${min} runes`, "Length.Min", { min }];
  return [
    `value length must be between ${min} and ${max} runes, inclusive`,
    "Length.Between",
    { min, max },
  ];
}

function at(name: string, index: number | undefined): string {
  return index === undefined ? name : `${name}[${index}]`;
}

/** `AddHumanUserRequest_Profile.FirstName`. */
function goPath(field: DescField | DescOneof, index: number | undefined): string {
  return `${goMessageName(field.parent)}.${at(goName(field.name), index)}`;
}

function goMessageName(schema: DescMessage): string {
  const name = goName(schema.name);
  return schema.parent === undefined ? name : `${goMessageName(schema.parent)}_${name}`;
}

/** `FirstName` for `first_name`. Source: protoc-gen-go, GoCamelCase. */
function goName(name: string): string {
  return name.replace(/(?:^|_|(?<=\d))([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
