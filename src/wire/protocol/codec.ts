import { Buffer, isUtf8 } from "node:buffer";
import {
  type DescMessage,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { echo } from "../cut.ts";
import { refusal } from "../refusal.ts";
import { jsonFrom } from "./json-bytes.ts";
import { dropUnset } from "./json-null.ts";
import { assertKnown } from "./strict/assert-known.ts";

/** Bytes ↔ message. */
export type Codec = {
  /** @throws ConnectError invalid_argument if the bytes are not such a message. */
  decode(schema: DescMessage, bytes: Uint8Array): Message;
  encode(schema: DescMessage, message: Message): Uint8Array;
};

/** JSON also as text and as a value, for protocols that put a message into more JSON. */
export type JsonCodec = Codec & {
  /** @throws ConnectError invalid_argument if the text is not such a message. */
  parse(schema: DescMessage, text: string): Message;
  valueOf(schema: DescMessage, message: Message): JsonValue;
  /** The same, but it refuses fields and values of enums that are not known. */
  readonly strict: Pick<JsonCodec, "decode" | "parse">;
};

/** The binary form of protobuf. */
export const binaryCodec: Codec = {
  decode(schema, bytes) {
    try {
      return fromBinary(schema, bytes);
    } catch (error) {
      throw refusal("messageMalformed", `parse binary: ${textOf(error)}`, error);
    }
  },
  encode: (schema, message) => toBinary(schema, message),
};

/**
 * JSON as protobuf maps it. Unknown fields and unknown enum names are ignored; a field given twice
 * is an error.
 *
 * @param registry The messages that a `google.protobuf.Any` may contain. Default: none.
 */
export function createJsonCodec(registry: Registry | undefined): JsonCodec {
  const options = { ignoreUnknownFields: true, ...(registry && { registry }) };

  /**
   * protobuf-es treats a null member of a oneof as set, unless it is a scalar. But null means unset
   * (https://protobuf.dev/programming-guides/json). This is tried only after the text was refused as it is.
   *
   * @returns `undefined` if nulls are not what is wrong with the text.
   */
  const withoutNulls = (schema: DescMessage, text: string): Message | undefined => {
    if (!text.includes("null")) return undefined;
    try {
      // Only the text shows a key that is given twice, which is an error in any case.
      fromJsonString(EmptySchema, text, options);
      return fromJson(schema, dropUnset(schema, JSON.parse(text), registry), options);
    } catch {
      return undefined;
    }
  };
  const codec: JsonCodec = {
    parse(schema, text) {
      try {
        return fromJsonString(schema, text, options);
      } catch (error) {
        const message = withoutNulls(schema, text);
        if (message !== undefined) return message;
        throw refusal("messageMalformed", textOf(error), error);
      }
    },
    valueOf: (schema, message) => jsonFrom(schema, message, options),
    decode: (schema, bytes) => codec.parse(schema, textFromUtf8(bytes)),
    encode: (schema, message) => Buffer.from(JSON.stringify(codec.valueOf(schema, message))),
    strict: {
      parse(schema, text) {
        const message = codec.parse(schema, text);
        assertKnown(schema, text);
        return message;
      },
      decode: (schema, bytes) => codec.strict.parse(schema, textFromUtf8(bytes)),
    },
  };
  return codec;
}

/** @throws ConnectError invalid_argument: JavaScript's own decoder would replace the bad bytes. */
export function textFromUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw refusal("messageMalformed", "the message is not valid UTF-8");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** The error texts of the library may repeat any part of a message. */
function textOf(error: unknown): string {
  return echo(error instanceof Error ? error.message : String(error));
}
