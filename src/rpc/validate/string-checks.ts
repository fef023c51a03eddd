import { type DescField, isFieldSet } from "@bufbuild/protobuf";
import { type StringRules, StringRulesSchema } from "../../../gen/validate/validate_pb.ts";
import { emailProblem } from "./email-address.ts";
import { assertImplemented } from "./implemented-rules.ts";
import { lengthText, ruleText } from "./rule-text.ts";
import { descriptions } from "./upstream-wording.ts";
import type { ValueCheck } from "./value-check.ts";

type StringCheck = ValueCheck<string>;

/** For every text: what no store keeps unchanged is refused. */
export const textChecks: readonly StringCheck[] = [
  {
    rule: "STRING_NO_NUL",
    text: ruleText("NoNul"),
    problem: (value) => (value.includes("\u0000") ? descriptions.noNul : undefined),
  },
  {
    rule: "STRING_WELL_FORMED",
    text: ruleText("WellFormed"),
    problem: (value) => (value.isWellFormed() ? undefined : descriptions.wellFormed),
  },
];

/**
 * The checks of a field's own rules, in the order in which upstream reports them.
 *
 * @throws Error for a rule that is not implemented.
 */
export function stringChecks(field: DescField, rules: StringRules): readonly StringCheck[] {
  assertImplemented(field, StringRulesSchema, rules, ["min_len", "max_len", "prefix", "email"]);
  const { minLen, maxLen } = StringRulesSchema.field;
  const min = isFieldSet(rules, minLen) ? Number(rules.minLen) : undefined;
  const max = isFieldSet(rules, maxLen) ? Number(rules.maxLen) : undefined;
  const checks: StringCheck[] = [];
  if (min !== undefined || max !== undefined) checks.push(lengthCheck(min, max));
  if (rules.prefix !== "") checks.push(prefixCheck(rules.prefix));
  if (rules.wellKnown.case === "email" && rules.wellKnown.value) checks.push(emailCheck);
  return checks;
}

function lengthCheck(least: number | undefined, most: number | undefined): StringCheck {
  const description = descriptions.length(least, most);
  const min = least ?? 0;
  const max = most ?? Number.POSITIVE_INFINITY;
  return {
    rule: "STRING_LENGTH",
    text: lengthText(min, max),
    problem(value) {
      // A text has at most as many code points as UTF-16 units, and at least half as many. So code
      // points are rarely counted, and never in a text of more than twice the limit.
      const units = value.length;
      if (units <= max && units / 2 >= min) return undefined;
      if (units / 2 > max) return description;
      let count = 0;
      for (const _ of value) count++;
      return count >= min && count <= max ? undefined : description;
    },
  };
}

function prefixCheck(prefix: string): StringCheck {
  const description = descriptions.prefix(prefix);
  return {
    rule: "STRING_PREFIX",
    text: ruleText("Prefix", { prefix }),
    problem: (value) => (value.startsWith(prefix) ? undefined : description),
  };
}

const emailCheck: StringCheck = {
  rule: "STRING_EMAIL",
  text: ruleText("Email"),
  problem(value) {
    const cause = emailProblem(value);
    return cause === undefined ? undefined : descriptions.email(cause);
  },
};
