import type { RuleText } from "./rule-text.ts";

/** Which rule a field breaks. Stable: goes over the wire as the violation's reason. */
export type FieldRule =
  | "BOOL_TRUE"
  | "BYTES_LENGTH"
  | "ENUM_DEFINED_ONLY"
  | "FIELD_MASK"
  | "MESSAGE_REQUIRED"
  | "ONEOF_REQUIRED"
  | "STRING_EMAIL"
  | "STRING_LENGTH"
  | "STRING_NO_NUL"
  | "STRING_PREFIX"
  | "STRING_WELL_FORMED";

/** One field that breaks one rule. */
export type FieldViolation = {
  /** Path in proto names: `profile.first_name`, `idps[0].config_id`. */
  readonly field: string;
  /** In upstream's wording, such as "value length must be between 1 and 200 runes, inclusive". */
  readonly description: string;
  readonly rule: FieldRule;
  /** What to tell a person. */
  readonly text: RuleText;
  /** `text` in the caller's language; set by createTranslate. */
  readonly localized?: { readonly locale: string; readonly message: string };
};

/**
 * A request breaks the rules of its fields.
 *
 * `message` is the first violation in the words of protoc-gen-validate, which clients match on.
 */
export class FieldRulesError extends Error {
  override readonly name = "FieldRulesError";
  /** In the order in which upstream looks; at most 32, fewer if their paths and descriptions are long. */
  readonly violations: readonly FieldViolation[];

  constructor(message: string, violations: readonly FieldViolation[]) {
    super(message);
    this.violations = violations;
  }
}
