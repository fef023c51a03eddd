import type { DescMessage, DescService, Message } from "@bufbuild/protobuf";
import type { Interceptor, UnaryRequest } from "@connectrpc/connect";
import { compileMessage, type MessageChecks } from "./compile-rules.ts";
import { type Failure, type FieldValues, maxFailures } from "./field-checks.ts";
import { FieldRulesError, type FieldViolation } from "./field-violation.ts";

/**
 * Stop unary requests that break the `(validate.rules)` of their fields, and those with text that
 * no store keeps unchanged: U+0000 and lone surrogates. A field's rules come before that check.
 *
 * @param services Every service with unary methods behind this interceptor.
 * @param exempt The fields of a request whose rules do not count, by proto name. Default: none.
 * @throws Error at once if a request has a rule that is not implemented here. Of protoc-gen-validate
 *   these are implemented: min_len, max_len, prefix and email of a string, also of the items of a list;
 *   min_len and max_len of bytes, const true of a bool, defined_only of an enum, required of a message
 *   and of a oneof.
 * @throws FieldRulesError for the request.
 */
export function createValidate(
  services: readonly DescService[],
  exempt: (request: UnaryRequest) => ReadonlySet<string> | undefined = () => undefined,
): Interceptor {
  const assertFieldRules = createFieldRules(services);
  return (next) => async (request) => {
    if (!request.stream) {
      assertFieldRules(request.method.input, request.message, exempt(request));
    }
    return next(request);
  };
}

/** The check of `createValidate` for requests that do not come over the wire. */
export function createFieldRules(
  services: readonly DescService[],
): (schema: DescMessage, message: Message, exempt?: ReadonlySet<string>) => void {
  const checks: MessageChecks = new Map();
  for (const service of services)
    for (const method of service.methods)
      if (method.methodKind === "unary") compileMessage(method.input, checks);

  return (schema, message, exempt) => {
    const check = checks.get(schema);
    if (check === undefined) throw new Error(`the rules of ${schema.typeName} were not compiled`);
    const all = check(message as unknown as FieldValues);
    const failures = exempt ? all.filter(({ violation }) => !exempt.has(violation.field)) : all;
    const first = failures[0];
    if (first === undefined) return;
    throw new FieldRulesError(first.message, violationsThatFit(failures));
  };
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
