import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

/** One operation of an OpenAPI document. */
export type Operation = {
  readonly operationId: string;
  readonly verb: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly deprecated?: boolean;
  readonly security: readonly JsonObject[];
  readonly parameters: readonly JsonObject[];
  readonly requestBody?: JsonObject;
  readonly responses: JsonObject;
  /** Of the schema of the request body, within the document. */
  readonly bodyPointer: string;
  readonly bodyExample: JsonValue | undefined;
};

export function operationsOf({ paths }: JsonObject): Operation[] {
  return Object.entries(paths as Record<string, Record<string, JsonObject>>).flatMap(
    ([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => {
        const place = path.replaceAll("~", "~0").replaceAll("/", "~1");
        const bodyPointer = `/paths/${place}/${verb}/requestBody/content/application~1json/schema`;
        const { content } = (operation.requestBody ?? {}) as {
          content?: Record<string, { schema: { examples?: JsonValue[] } }>;
        };
        const bodyExample = content?.["application/json"]?.schema.examples?.[0];
        return {
          parameters: [],
          ...operation,
          verb,
          path,
          bodyPointer,
          bodyExample,
        } as unknown as Operation;
      }),
  );
}

/**
 * Judge values by the schemas of a document. A property that a schema does not name is wrong.
 *
 * @returns Takes a JSON pointer into the document and a value; returns what is wrong with it.
 */
export function compile(document: JsonObject): (pointer: string, value: unknown) => string[] {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
  });
  formats.default(ajv);
  for (const format of ["int32", "int64", "uint32", "uint64"]) ajv.addFormat(format, true);
  ajv.addVocabulary(["document", "example"]);
  ajv.addSchema({ $id: "whole", document: closed(document) });
  return (pointer, value) => {
    const validate = ajv.compile({ $ref: `whole#/document${encodeURI(pointer)}` });
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

/** The same schemas, but no object may have properties that are not named. References point to their new place. */
function closed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  if (typeof copy.$ref === "string") copy.$ref = copy.$ref.replace("#/", "#/document/");
  const isClosable = copy.type === "object" && typeof copy.properties === "object";
  return isClosable ? { ...copy, additionalProperties: false } : copy;
}
