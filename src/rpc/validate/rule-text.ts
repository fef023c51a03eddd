/** What to tell a person about a rule: a key of the translations, and the values of its placeholders. */
export type RuleText = {
  readonly key: `Errors.Field.${RuleTextName}`;
  /** By the name of the placeholder: `min` replaces `{min}`. */
  readonly values: Readonly<Record<string, string>>;
};

type RuleTextName =
  | `Bytes.${"Between" | "Max"}`
  | "Email"
  | "Enum"
  | `Length.${"Between" | "Exact" | "Max" | "Min"}`
  | "Mask"
  | "NoNul"
  | "Prefix"
  | "Required"
  | "True"
  | "WellFormed";

/** The text for people of a rule; each file in `translate/texts/` has it. */
export function ruleText(name: RuleTextName, values: RuleText["values"] = {}): RuleText {
  return { key: `Errors.Field.${name}`, values };
}

/** @param most Infinity if there is no upper limit. */
export function lengthText(least: number, most: number): RuleText {
  const [min, max] = [String(least), String(most)];
  if (least === most) return ruleText("Length.Exact", { length: min });
  if (least === 0) return ruleText("Length.Max", { max });
  if (most === Number.POSITIVE_INFINITY) return ruleText("Length.Min", { min });
  return ruleText("Length.Between", { min, max });
}

/** Of bytes. */
export function bytesText(least: number, most: number): RuleText {
  const [min, max] = [String(least), String(most)];
  return least === 0 ? ruleText("Bytes.Max", { max }) : ruleText("Bytes.Between", { min, max });
}
