/** The fields of a form, by the names that the server has for them, in the order of the form. */
export type Fields = Readonly<Record<string, HTMLElement>>;

/** What the fields of a form say, by the same names. A tick is "true" or "false". */
export type Values = Readonly<Record<string, string>>;

/** What is stored of a user, as far as a form edits it. */
export type Stored = {
  readonly userId: string;
  /** Of the user, for people. */
  readonly name: string;
  /** A change is stored only if the user still has this version. */
  readonly version: bigint;
  readonly values: Values;
};

/** Before a form was opened. */
export const nobody: Stored = { userId: "", name: "", version: 0n, values: {} };

/** What the fields say now. */
export function readFields(fields: Fields): Values {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, valueIn(field)]));
}

/** Put values into the fields. A name without a value leaves its field as it is. */
export function fillFields(fields: Fields, values: Values): void {
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    if (value === undefined) continue;
    if (isTick(field)) field.checked = value === "true";
    else if (isTyped(field)) field.value = value;
  }
}

/** The names whose values would look different in their fields. */
export function differing(fields: Fields, some: Values, others: Values): string[] {
  return Object.entries(fields)
    .filter(([name, field]) => inField(field, some[name]) !== inField(field, others[name]))
    .map(([name]) => name);
}

/** What a value says to people who see it beside the name of its field. */
export function textOfValue(field: HTMLElement, value: string): string {
  if (isTick(field)) return value === "true" ? "Yes" : "No";
  if (!(field instanceof HTMLSelectElement)) return value || "–";
  return [...field.options].find((option) => option.value === value)?.text ?? value;
}

/** The text of the label of a field, without what stands in the label beside it. */
export function labelOf(field: HTMLElement): string {
  const [label] = "labels" in field ? (field.labels as NodeListOf<HTMLLabelElement>) : [];
  const texts = [...(label?.childNodes ?? [])].filter(
    ({ nodeType }) => nodeType === Node.TEXT_NODE,
  );
  return texts
    .map(({ textContent }) => textContent)
    .join("")
    .trim();
}

function valueIn(field: HTMLElement): string {
  if (isTick(field)) return String(field.checked);
  return isTyped(field) ? field.value : "";
}

/** Fields drop or replace the line ends of a value that is put into them. */
function inField(field: HTMLElement, value = ""): string {
  if (field instanceof HTMLTextAreaElement)
    return value.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  return field instanceof HTMLInputElement
    ? value.replaceAll("\r", "").replaceAll("\n", "")
    : value;
}

function isTick(field: HTMLElement): field is HTMLInputElement {
  return field instanceof HTMLInputElement && field.type === "checkbox";
}

function isTyped(
  field: HTMLElement,
): field is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  return (
    field instanceof HTMLInputElement ||
    field instanceof HTMLSelectElement ||
    field instanceof HTMLTextAreaElement
  );
}
