import { type DescField, isFieldSet } from "@bufbuild/protobuf";
import { type BytesRules, BytesRulesSchema } from "../../../gen/validate/validate_pb.ts";
import { assertImplemented } from "./implemented-rules.ts";
import { bytesText } from "./rule-text.ts";
import { descriptions } from "./upstream-wording.ts";
import type { ValueCheck } from "./value-check.ts";

/**
 * The checks of the rules of a field of bytes.
 *
 * @throws Error for a rule that is not implemented, and for a least length without a greatest.
 */
export function bytesChecks(
  field: DescField,
  rules: BytesRules,
): readonly ValueCheck<Uint8Array>[] {
  assertImplemented(field, BytesRulesSchema, rules, ["min_len", "max_len"]);
  const { minLen, maxLen } = BytesRulesSchema.field;
  if (!isFieldSet(rules, maxLen)) throw new Error(`${field}: bytes without max_len`);
  const min = isFieldSet(rules, minLen) ? Number(rules.minLen) : undefined;
  const max = Number(rules.maxLen);
  const description = descriptions.bytes(min, max);
  return [
    {
      rule: "BYTES_LENGTH",
      text: bytesText(min ?? 0, max),
      problem: ({ byteLength }) =>
        byteLength >= (min ?? 0) && byteLength <= max ? undefined : description,
    },
  ];
}
