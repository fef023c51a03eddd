import { Buffer, isUtf8 } from "node:buffer";
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { refusal } from "./refusal.ts";

/** Bytes ↔ message, in protobuf or JSON. */
export type Codec = {
  /** @throws ConnectError invalid_argument if the bytes are not such a message. */
  decode(schema: DescMessage, bytes: Uint8Array): Message;
  encode(schema: DescMessage, message: Message): Uint8Array;
};

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

export const jsonCodec: Codec = {
  decode: (schema, bytes) => messageFromJson(schema, textFromUtf8(bytes)),
  encode: (schema, message) => Buffer.from(toJsonString(schema, message)),
};

/** @throws ConnectError invalid_argument: JavaScript's own decoder would replace the bad bytes. */
export function textFromUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw refusal("messageMalformed", "the message is not valid UTF-8");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/**
 * Unknown fields and unknown enum names are ignored; a field given twice is an error.
 *
 * @throws ConnectError invalid_argument if the text is not such a message.
 */
export function messageFromJson(schema: DescMessage, text: string): Message {
  try {
    return fromJsonString(schema, text, { ignoreUnknownFields: true });
  } catch (error) {
    throw refusal("messageMalformed", textOf(error), error);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
