import type { DescField, DescOneof } from "@bufbuild/protobuf";
import type { FieldViolation } from "./field-violation.ts";
import { invalidField, invalidInside, withIndex } from "./upstream-wording.ts";
import type { ValueCheck } from "./value-check.ts";

/** A violation, and the message of the error if it is the first one. */
export type Failure = { readonly violation: FieldViolation; readonly message: string };

/** @returns What is wrong, in the order in which upstream looks; empty if the message is valid. */
export type MessageCheck = (message: FieldValues) => readonly Failure[];

/** A message, as its fields are read: by their local names. */
export type FieldValues = Readonly<Record<string, unknown>>;

/** At most this many failures are looked for in one list. */
export const maxFailures = 32;

/** Nothing is wrong. Shared, so that a valid message costs no allocation. */
export const none: readonly Failure[] = [];

/**
 * Checks the value of a field that is set.
 *
 * @param missing What is wrong if a field of a message is not set.
 */
export function onValue(
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

/** Checks every item of a list, until enough is wrong. */
export function onItems(
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

/** @param index Of the item, in a list. */
export function valueFailures<Value>(
  field: DescField,
  checks: readonly ValueCheck<Value>[],
  value: Value,
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
export function failure(
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
export function inside(
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

/** One list; `failures` itself if there are no more. */
export function joined(failures: readonly Failure[], more: readonly Failure[]): readonly Failure[] {
  return more.length === 0 ? failures : [...failures, ...more];
}
