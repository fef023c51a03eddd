import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { FieldBehavior, field_behavior } from "../../gen/google/api/field_behavior_pb.ts";
import { required, rules } from "../../gen/validate/validate_pb.ts";
import { type Schema, scalars, wellKnown } from "./proto-json.ts";

/** What the descriptors do not say. */
export type Annotations = {
  /** Markdown, from the comment of a message, enum, enum value or field. */
  describe(desc: DescMessage | DescEnum | DescField | DescEnum["values"][number]): string;
  /** An example of a message, by type name, or of a field, by type name and field name. */
  readonly examples: Readonly<Record<string, JsonValue>>;
  /** What else a field must be, by type name and field name; `undefined` leaves it out: it is refused. */
  readonly bounds: Readonly<Record<string, Schema | undefined>>;
};

/** The schemas of messages and enums, each under its type name in `components.schemas`. */
export interface Schemas {
  /** A reference; what it refers to is added. */
  ofMessage(desc: DescMessage): Schema;
  ofField(field: DescField): Schema;
  /** A message where it stands, without the fields that come another way. */
  inline(desc: DescMessage, without: readonly string[]): Schema;
  add(name: string, schema: Schema): Schema;
  /** Everything that was referred to, by name. */
  components(): JsonObject;
}

/** Schemas of the ProtoJSON form: what the server answers, and the plain way to ask. */
export function createSchemas({ describe, examples, bounds }: Annotations): Schemas {
  const components = new Map<string, Schema>();

  const refer = (name: string, build: () => Schema): Schema => {
    if (!components.has(name)) {
      // Known before it is built, because a message may contain itself.
      components.set(name, {});
      components.set(name, build());
    }
    return { $ref: `#/components/schemas/${name}` };
  };

  const schemas: Schemas = {
    ofMessage: (desc) =>
      wellKnown[desc.typeName] ?? refer(desc.typeName, () => schemas.inline(desc, [])),

    ofField(field) {
      const description = describe(field);
      const example = examples[nameOf(field)];
      return {
        ...shapeOf(field),
        ...bounds[nameOf(field)],
        ...(description !== "" && { description }),
        ...(example !== undefined && { examples: [example] }),
      };
    },

    inline(desc, without) {
      const fields = desc.fields.filter(
        (field) =>
          !without.includes(field.name) &&
          !(nameOf(field) in bounds && bounds[nameOf(field)] === undefined),
      );
      const needed = fields.filter(isRequired).map(({ jsonName }) => jsonName);
      const description = describe(desc);
      const example = examples[desc.typeName];
      return {
        type: "object",
        ...(description !== "" && { description }),
        properties: Object.fromEntries(
          fields.map((field) => [field.jsonName, schemas.ofField(field)]),
        ),
        ...(needed.length > 0 && { required: needed }),
        ...oneofRules(
          fields,
          desc.oneofs.map((oneof) => ({
            names: oneof.fields
              .filter((field) => fields.includes(field))
              .map(({ jsonName }) => jsonName),
            isRequired: getOption(oneof, required),
          })),
        ),
        ...(example !== undefined && { examples: [example] }),
      };
    },

    add: (name, schema) => refer(name, () => schema),
    components: () =>
      Object.fromEntries([...components].sort(([one], [other]) => (one < other ? -1 : 1))),
  };

  function shapeOf(field: DescField): Schema {
    switch (field.fieldKind) {
      case "scalar":
        return { ...scalars[field.scalar], ...stringRules(field), ...otherRules(field) };
      case "enum":
        return enumSchema(field.enum);
      case "message":
        return schemas.ofMessage(field.message);
      case "list":
        return { type: "array", items: valueSchema(field) };
      case "map":
        return { type: "object", additionalProperties: valueSchema(field) };
    }
  }

  function valueSchema(field: DescField & { fieldKind: "list" | "map" }): Schema {
    if (field.message !== undefined) return schemas.ofMessage(field.message);
    return field.enum === undefined ? scalars[field.scalar] : enumSchema(field.enum);
  }

  function enumSchema(desc: DescEnum): Schema {
    if (desc.typeName === "google.protobuf.NullValue") return { type: "null" };
    return refer(desc.typeName, () => {
      const values = desc.values.map((value) => [value.name, describe(value)] as const);
      const list = values.filter(([, text]) => text !== "").map((each) => `- ${each.join(": ")}`);
      const description = [describe(desc), list.join("\n")].filter((text) => text !== "");
      return {
        type: "string",
        ...(description.length > 0 && { description: description.join("\n\n") }),
        enum: values.map(([name]) => name),
      };
    });
  }

  return schemas;
}

function nameOf(field: DescField): string {
  return `${field.parent.typeName}.${field.name}`;
}

/** Whether a request without the field, or with an empty one, breaks a rule. */
export function isRequired(field: DescField): boolean {
  if (field.oneof !== undefined || field.proto.proto3Optional) return false;
  const { message, type } = getOption(field, rules);
  const isNeverEmpty =
    type.case === "string" &&
    (type.value.minLen > 0n || type.value.prefix !== "" || type.value.wellKnown.case === "email");
  return (
    message?.required === true ||
    isNeverEmpty ||
    getOption(field, field_behavior).includes(FieldBehavior.REQUIRED)
  );
}

/** Lengths count code points, in JSON Schema as in protoc-gen-validate. */
function stringRules(field: DescField): Schema {
  const { type } = getOption(field, rules);
  if (type.case !== "string") return {};
  const { minLen, maxLen, prefix, wellKnown } = type.value;
  return {
    ...(minLen > 0n && { minLength: Number(minLen) }),
    ...(maxLen > 0n && { maxLength: Number(maxLen) }),
    ...(prefix !== "" && { pattern: `^${prefix.replace(/[^\w]/g, "\\$&")}[^\\u0000]*$` }),
    ...(wellKnown.case === "email" && { format: "email" }),
  };
}

/** Bytes are in base64, which takes four characters for three of them. */
function otherRules(field: DescField): Schema {
  const { type } = getOption(field, rules);
  if (type.case === "bool") return { const: type.value.const };
  if (type.case !== "bytes") return {};
  const { minLen, maxLen } = type.value;
  return {
    ...(minLen > 0n && { minLength: 2 }),
    ...(maxLen > 0n && { maxLength: Math.ceil(Number(maxLen) / 3) * 4 }),
  };
}

/** Names in JSON. */
type Oneof = { readonly names: readonly string[]; readonly isRequired: boolean };

/**
 * At most one field of a oneof may be there, and exactly one if the oneof is required. Said of fields that
 * are named where it is said: linters and generators stumble over `required` beside no `properties`.
 */
function oneofRules(fields: readonly DescField[], oneofs: readonly Oneof[]): Schema {
  const groups = oneofs.filter(({ names }) => names.length > 0);
  const [only] = groups;
  if (only === undefined) return {};
  if (groups.length === 1 && only.names.length === fields.length)
    return { ...(only.isRequired && { minProperties: 1 }), maxProperties: 1 };
  const excluded = groups.flatMap(({ names }) =>
    names.map((name) => {
      const others = names.filter((other) => other !== name);
      return [name, { properties: Object.fromEntries(others.map((other) => [other, false])) }];
    }),
  );
  const needed = groups.filter(({ isRequired }) => isRequired);
  return {
    dependentSchemas: Object.fromEntries(excluded),
    ...(needed.length > 0 && {
      allOf: needed.map(({ names }) => ({
        anyOf: names.map((name) => ({ properties: { [name]: true }, required: [name] })),
      })),
    }),
  };
}
