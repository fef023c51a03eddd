import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { http } from "../../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../../gen/google/api/http_pb.ts";
import { parsePathTemplate } from "./path-template.ts";
import type { RestRoute } from "./router.ts";

/** What a `google.api.http` rule says in addition to the path. */
export type RestBinding = {
  readonly method: DescMethod;
  /** What the HTTP body sets: the whole request message, one field of it, or nothing. */
  readonly body: "*" | DescField | undefined;
  /** The field of the response that is the response body; without one, all of it is. */
  readonly responseBody: DescField | undefined;
  /** Field paths of the variables in the path. */
  readonly inPath: readonly string[];
  /** Field paths that path and body set, so that the query does not. With body `*` it sets none. */
  readonly notInQuery: readonly string[];
};

/**
 * Read the routes of a method from its `google.api.http` option, additional bindings included.
 *
 * @returns Nothing for a method without the option.
 * @throws Error if the rule has no path, an invalid template, a variable that is no field or not
 *   a singular scalar or enum, a body or response body that is no field, or bindings within
 *   additional bindings.
 */
export function restRoutesFromMethod(method: DescMethod): RestRoute<RestBinding>[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  const name = `${method.parent.typeName}.${method.name}`;
  if (rule.additionalBindings.some((binding) => binding.additionalBindings.length > 0)) {
    throw new Error(`${name}: additional bindings cannot have additional bindings`);
  }
  return [rule, ...rule.additionalBindings].map((binding) => {
    try {
      return routeFromRule(method, binding);
    } catch (cause) {
      throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  });
}

function routeFromRule(method: DescMethod, rule: HttpRule): RestRoute<RestBinding> {
  const { httpMethod, template } = patternOf(rule);
  const fieldPaths = parsePathTemplate(template).variables.map((variable) => variable.fieldPath);
  for (const fieldPath of fieldPaths) assertBindable(method.input, fieldPath);
  const body = rule.body === "*" ? "*" : topLevelField(method.input, rule.body);
  const bodyPath = body === undefined || body === "*" ? [] : [body.name];
  return {
    httpMethod,
    template,
    value: {
      method,
      body,
      responseBody: topLevelField(method.output, rule.responseBody),
      inPath: fieldPaths,
      notInQuery: [...fieldPaths, ...bodyPath],
    },
  };
}

function patternOf({ pattern }: HttpRule): { httpMethod: string; template: string } {
  if (pattern.case === undefined) throw new Error("the rule has no path");
  if (pattern.case !== "custom") {
    return { httpMethod: pattern.case.toUpperCase(), template: pattern.value };
  }
  if (pattern.value.kind === "") throw new Error("the custom rule has no kind");
  return { httpMethod: pattern.value.kind, template: pattern.value.path };
}

function assertBindable(input: DescMessage, fieldPath: string) {
  let parent: DescMessage | undefined = input;
  let field: DescField | undefined;
  for (const name of fieldPath.split(".")) {
    field = parent?.fields.find((candidate) => candidate.name === name);
    parent = field?.fieldKind === "message" ? field.message : undefined;
  }
  if (field === undefined) throw new Error(`${input.typeName} has no field ${fieldPath}`);
  if (field.fieldKind !== "scalar" && field.fieldKind !== "enum") {
    throw new Error(`variable ${fieldPath} is not a singular scalar or enum`);
  }
}

/** @param name Proto name; empty for none. */
function topLevelField(desc: DescMessage, name: string): DescField | undefined {
  if (name === "") return undefined;
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field ${name}`);
  return field;
}
