import { type DescMessage, type JsonObject, ScalarType } from "@bufbuild/protobuf";

/** JSON Schema 2020-12, as OpenAPI 3.1 has it. */
export type Schema = JsonObject;

const int32: Schema = {
  type: "integer",
  format: "int32",
  minimum: -2_147_483_648,
  maximum: 2_147_483_647,
};
const uint32: Schema = { type: "integer", format: "uint32", minimum: 0, maximum: 4_294_967_295 };
/** One digit less than the type has, so that every text that the pattern accepts is within its range. */
const int64: Schema = { type: "string", format: "int64", pattern: "^-?[0-9]{1,18}$" };
const uint64: Schema = { type: "string", format: "uint64", pattern: "^[0-9]{1,19}$" };
/** No store keeps U+0000. */
const text: Schema = { type: "string", pattern: "^[^\\u0000]*$" };
const float: Schema = {
  oneOf: [{ type: "number" }, { type: "string", enum: ["NaN", "Infinity", "-Infinity"] }],
};
const bytes: Schema = { type: "string", contentEncoding: "base64" };

/** The ProtoJSON form of each scalar. */
export const scalars: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: bytes,
  [ScalarType.DOUBLE]: float,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.FIXED64]: uint64,
  [ScalarType.FLOAT]: float,
  [ScalarType.INT32]: int32,
  [ScalarType.INT64]: int64,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.SINT32]: int32,
  [ScalarType.SINT64]: int64,
  [ScalarType.STRING]: text,
  [ScalarType.UINT32]: uint32,
  [ScalarType.UINT64]: uint64,
};

/** Messages whose JSON is not that of their fields. */
export const wellKnown: Readonly<Record<string, Schema>> = {
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string" } },
    required: ["@type"],
  },
  "google.protobuf.BoolValue": { type: "boolean" },
  "google.protobuf.BytesValue": bytes,
  "google.protobuf.DoubleValue": float,
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.FloatValue": float,
  "google.protobuf.Int32Value": int32,
  "google.protobuf.Int64Value": int64,
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.StringValue": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.UInt32Value": uint32,
  "google.protobuf.UInt64Value": uint64,
  "google.protobuf.Value": {},
};

/** Whether the ProtoJSON form of a message is a text or a number, so that a query can carry it. */
export function hasTextForm({ typeName }: DescMessage): boolean {
  const schema = wellKnown[typeName];
  if (schema === undefined || typeName === "google.protobuf.Value") return false;
  return schema.type !== "object" && schema.type !== "array";
}
