import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Interceptor, UnaryRequest } from "@connectrpc/connect";
import { compileMessage, type MessageChecks } from "./compile-rules.ts";
import { type Failure, type FieldValues, type MessageCheck, maxFailures } from "./field-checks.ts";
import { FieldRulesError, type FieldViolation } from "./field-violation.ts";

/**
 * Stop unary requests that break the `(validate.rules)` of their fields, and those with text that
 * no store keeps unchanged: U+0000 and lone surrogates. A field's rules come before that check.
 *
 * @param exempt The fields of a request whose rules do not count, by proto name. Default: none.
 * @throws Error if a request has a rule that is not implemented here. Of protoc-gen-validate these are implemented:
 *   min_len, max_len, prefix and email of a string, also of the items of a list; min_len and max_len of bytes, const
 *   true of a bool, defined_only of an enum, required of a message and of a oneof. A test compiles the rules of every
 *   request that is served.
 * @throws FieldRulesError for the request.
 */
export function createValidate(
  exempt: (request: UnaryRequest) => ReadonlySet<string> | undefined = () => undefined,
): Interceptor {
  const assertFieldRules = createFieldRules();
  return (next) => (request) => {
    if (!request.stream) {
      assertFieldRules(request.method.input, request.message, exempt(request));
    }
    return next(request);
  };
}

/**
 * The check of `createValidate` for requests that do not come over the wire.
 *
 * The rules of a message are compiled when it is first checked, which takes 0.1 ms. Those of all messages
 * would take 5 % of the CPU time of a start, and 4 MiB.
 */
export function createFieldRules(): (
  schema: DescMessage,
  message: Message,
  exempt?: ReadonlySet<string>,
) => void {
  const checks: MessageChecks = new Map();
  return (schema, message, exempt) => {
    const check = checks.get(schema) ?? compile(schema, checks);
    const all = check(message as unknown as FieldValues);
    const failures = exempt ? all.filter(({ violation }) => !exempt.has(violation.field)) : all;
    const first = failures[0];
    if (first === undefined) return;
    throw new FieldRulesError(first.message, violationsThatFit(failures));
  };
}

/** What was compiled before an error may be incomplete, so nothing of it is kept. */
function compile(schema: DescMessage, checks: MessageChecks): MessageCheck {
  try {
    return compileMessage(schema, checks);
  } catch (error) {
    checks.clear();
    throw error;
  }
}

/** Characters of all paths and descriptions. Only messages deep inside others reach this limit. */
const maxViolationsLength = 4_096;

/**
 * A request of 64 KiB can break its rules tens of thousands of times. The violations travel in
 * response headers, of which common clients accept 8 KiB: 32 of ordinary length fit, and no request
 * has that many fields outside lists.
 */
function violationsThatFit(failures: readonly Failure[]): FieldViolation[] {
  let length = 0;
  return failures
    .slice(0, maxFailures)
    .map(({ violation }) => violation)
    .filter(({ field, description }, index) => {
      length += field.length + description.length;
      return index === 0 || length <= maxViolationsLength;
    });
}
