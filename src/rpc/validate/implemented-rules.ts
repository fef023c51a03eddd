import {
  type DescField,
  type DescMessage,
  isFieldSet,
  type MessageShape,
} from "@bufbuild/protobuf";

/**
 * Refuse rules that we would not check: a contract that promises more than is checked must not start.
 *
 * @param rules The rules of the field, or those of one kind within them.
 * @param known Proto names of the rules that are checked.
 * @throws Error naming the first rule that is set and not known.
 */
export function assertImplemented<Desc extends DescMessage>(
  field: DescField,
  schema: Desc,
  rules: MessageShape<Desc>,
  known: readonly string[],
): void {
  const odd = schema.fields.find((rule) => isFieldSet(rules, rule) && !known.includes(rule.name));
  if (odd !== undefined)
    throw new Error(`${field}: the rule ${odd.name} of ${schema.typeName} is not implemented`);
}
