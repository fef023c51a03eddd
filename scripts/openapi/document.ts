import type {
  DescField,
  DescMessage,
  DescMethod,
  DescService,
  JsonObject,
} from "@bufbuild/protobuf";
import { anyCaller, declaredPermission } from "../../src/rpc/gate/permissions.ts";
import { type RestBinding, restRoutesFromMethod } from "../../src/wire/protocol/rest/http-rule.ts";
import { parsePathTemplate } from "../../src/wire/protocol/rest/path-template.ts";
import type { RestRoute } from "../../src/wire/protocol/rest/router.ts";
import { textOf } from "./comments.ts";
import type { extrasOf } from "./extras.ts";
import { hasTextForm } from "./proto-json.ts";
import { createRefusals, detailTexts } from "./refusals.ts";
import { type Annotations, createSchemas, isRequired, type Schemas } from "./schemas.ts";

/** The methods that OpenAPI knows; a rule with another one cannot be described, and is left out. */
const httpMethods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

export type DocumentOptions = Pick<Annotations, "examples" | "bounds"> & {
  /** Headers of methods beside their messages. Default: none. */
  readonly extras?: {
    readonly of: typeof extrasOf;
    /** By their name in `components`. */
    readonly parameters: Readonly<Record<string, JsonObject>>;
    readonly headers: Readonly<Record<string, JsonObject>>;
  };
  /** Described if they have `google.api.http` rules. */
  readonly services: readonly DescService[];
  /** By the full name of a service, what stands before its paths. */
  readonly prefixes: Readonly<Record<string, string>>;
  readonly info: JsonObject;
  /** What a deprecated method says to use instead, if its comment does not say so. Default: nothing is deprecated. */
  readonly successorOf?: (method: DescMethod) => string | undefined;
};

/**
 * Describe services as OpenAPI 3.1: their REST paths, with schemas, field rules, comments and
 * refusals. A method that declares no permission needs no token.
 *
 * The same descriptors give the same document, byte for byte.
 *
 * @throws Error for a path with a `*` that is part of no variable.
 */
export function createDocument({
  services,
  prefixes,
  info,
  examples,
  bounds,
  extras,
  successorOf = () => undefined,
}: DocumentOptions): JsonObject {
  const schemas = createSchemas({
    describe: (desc) => textOf(desc) || textOfDetail(desc),
    examples,
    bounds,
  });
  const refusals = createRefusals(schemas);
  const paths: Record<string, JsonObject> = {};
  const described: DescService[] = [];
  const tagOf = (service: DescService) =>
    services.find(({ name }) => name === service.name) === service
      ? service.name
      : service.typeName;

  for (const service of services) {
    const routes = service.methods.flatMap(restRoutesFromMethod);
    if (routes.length > 0) described.push(service);
    const seen = new Map<DescMethod, number>();
    for (const route of routes) {
      if (!httpMethods.includes(route.httpMethod)) continue;
      const { method } = route.value;
      const count = (seen.get(method) ?? 0) + 1;
      seen.set(method, count);
      const extra = extras?.of(method, {
        httpMethod: route.httpMethod,
        hasBody: route.value.body !== undefined,
      });
      const path = `${prefixes[service.typeName] ?? ""}${openPath(route)}`;
      paths[path] = {
        ...paths[path],
        [route.httpMethod.toLowerCase()]: {
          ...operation(route.value, tagOf(service), schemas, {
            parameters: extra?.parameters ?? [],
            successor: successorOf(method),
          }),
          operationId: `${service.name}_${method.name}${count > 1 ? `_${count}` : ""}`,
          responses: {
            "200": {
              description: "OK",
              ...headersOf(extra?.headers),
              content: { "application/json": { schema: answerSchema(route.value, schemas) } },
            },
            ...refusals.references(declaredPermission(method) !== undefined),
          },
        },
      };
    }
  }

  return {
    openapi: "3.1.0",
    info,
    servers: [{ url: "/" }],
    tags: described.map((service) => ({ name: tagOf(service), description: textOf(service) })),
    paths,
    components: {
      schemas: schemas.components(),
      responses: refusals.responses,
      parameters: { organization, anyOrganization, ...extras?.parameters },
      ...(extras && { headers: extras.headers }),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "A personal access token: `giraffe token create` makes one.",
        },
      },
    },
  };
}

function textOfDetail(desc: Parameters<Annotations["describe"]>[0]): string {
  if (desc.kind === "message") return detailTexts[desc.typeName] ?? "";
  return desc.kind === "field"
    ? (detailTexts[`${desc.parent.typeName}.${desc.jsonName}`] ?? "")
    : "";
}

const organization = {
  name: "x-zitadel-orgid",
  in: "header",
  description:
    "The organization to act on, where the caller needs the permission. Without it, the caller's own.",
  schema: { type: "string", maxLength: 200 },
};

/** For methods that find a user by its id on the whole instance. */
const anyOrganization = {
  ...organization,
  description: "An organization that exists. It has no other effect: users are found by their ids.",
};

function headersOf(names: readonly string[] = []): JsonObject {
  if (names.length === 0) return {};
  const references = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  return { headers: Object.fromEntries(references) };
}

function operation(
  binding: RestBinding,
  tag: string,
  schemas: Schemas,
  extras: { readonly parameters: readonly string[]; readonly successor: string | undefined },
): JsonObject {
  const { method } = binding;
  const [summary = "", ...paragraphs] = textOf(method).split("\n\n");
  const needed = declaredPermission(method);
  const deprecates = (text: string) => text.startsWith("Deprecated:");
  if (extras.successor !== undefined && !paragraphs.some(deprecates))
    paragraphs.unshift(`Deprecated: please use the user service v2, ${extras.successor}.`);
  if (needed !== undefined && needed !== anyCaller)
    paragraphs.push(`Needs the permission \`${needed}\`.`);
  const place = needed === anyCaller ? "anyOrganization" : "organization";
  const parameters: JsonObject[] = [
    ...binding.inPath.map((path) => parameter("path", fieldsOn(method.input, path), schemas)),
    ...queryFields(binding).map((fields) => parameter("query", fields, schemas)),
    ...(needed ? [{ $ref: `#/components/parameters/${place}` }] : []),
    ...extras.parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
  const body = requestBody(binding, schemas);
  return {
    tags: [tag],
    summary: summary.replace(/\.$/, ""),
    description: paragraphs.length > 0 ? paragraphs.join("\n\n") : summary,
    ...(paragraphs.some(deprecates) && { deprecated: true }),
    security: needed ? [{ token: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
  };
}

/** @param fields From the outermost message to the leaf. */
function parameter(where: "path" | "query", fields: readonly DescField[], schemas: Schemas) {
  const leaf = fields.at(-1);
  if (leaf === undefined) throw new Error("a parameter without a field");
  const { description, examples, ...schema } = schemas.ofField(leaf);
  const isNeeded = where === "path" || (fields.length === 1 && isRequired(leaf));
  return {
    name: fields.map(({ jsonName }) => jsonName).join("."),
    in: where,
    ...(description !== undefined && { description }),
    ...(isNeeded && { required: true }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema,
  };
}

/** Fields that a query may set: those with a text form, outside of what path and body set. */
function queryFields({ method, body, notInQuery }: RestBinding): DescField[][] {
  if (body === "*") return [];
  const below = (desc: DescMessage, above: readonly DescField[]): DescField[][] =>
    desc.fields.flatMap((field) => {
      const fields = [...above, field];
      if (notInQuery.includes(fields.map(({ name }) => name).join("."))) return [];
      if (field.fieldKind === "map") return [];
      if (field.message === undefined || hasTextForm(field.message)) return [fields];
      const isRecursive = [method.input, ...above.map(({ message }) => message)].includes(
        field.message,
      );
      return field.fieldKind === "list" || isRecursive ? [] : below(field.message, fields);
    });
  return below(method.input, []);
}

/** @returns `undefined` if no body is read. */
function requestBody({ method, body, inPath }: RestBinding, schemas: Schemas) {
  if (body === undefined) return undefined;
  const schema = body === "*" ? wholeBody(method.input, inPath, schemas) : schemas.ofField(body);
  const isNeeded =
    body === "*"
      ? method.input.fields.some((field) => !inPath.includes(field.name) && isRequired(field))
      : isRequired(body);
  return {
    ...(isNeeded && { required: true }),
    content: { "application/json": { schema } },
  };
}

/** What the path says need not be said again. An empty object may be all that is left: clients send one. */
function wholeBody(desc: DescMessage, inPath: readonly string[], schemas: Schemas) {
  const isInPath = desc.fields.some(({ name }) => inPath.includes(name));
  return isInPath ? schemas.inline(desc, inPath) : schemas.ofMessage(desc);
}

function answerSchema({ method, responseBody }: RestBinding, schemas: Schemas) {
  return responseBody === undefined
    ? schemas.ofMessage(method.output)
    : schemas.ofField(responseBody);
}

/** `/users/{userId}/profile` for `/users/{user_id}/profile`. */
function openPath({ template, value }: RestRoute<RestBinding>): string {
  const { segments, variables, verb } = parsePathTemplate(template);
  const parts = segments.flatMap((segment, at) => {
    const variable = variables.find(({ start, end }) => start <= at && at < end);
    if (variable !== undefined) {
      const name = fieldsOn(value.method.input, variable.fieldPath).map(({ jsonName }) => jsonName);
      return variable.start === at ? [`{${name.join(".")}}`] : [];
    }
    if (segment.kind !== "literal") throw new Error(`OpenAPI has no name for * in ${template}`);
    return [encodeURIComponent(segment.text)];
  });
  return `/${parts.join("/")}${verb === "" ? "" : `:${encodeURIComponent(verb)}`}`;
}

/** @param path Proto names, joined by dots. */
function fieldsOn(desc: DescMessage, path: string): DescField[] {
  const [name, ...rest] = path.split(".");
  const field = desc.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field ${path}`);
  const isDeeper = rest.length > 0 && field.message !== undefined;
  return isDeeper ? [field, ...fieldsOn(field.message, rest.join("."))] : [field];
}
