import { fromJsonString } from "@bufbuild/protobuf";
import { HealthCheckRequestSchema } from "../../../gen/health/v1/health_pb.ts";
import { NoteSchema } from "../echo.ts";
import { type Call, framesOf, messageOf } from "./call.ts";
import { goesOn } from "./faults.ts";
import { maxMessageBytes } from "./servers.ts";

export const tooLarge = `message is larger than ${maxMessageBytes} bytes`;

/** What the stock adapter says, and what the lane says. */
export const texts: readonly (readonly [RegExp, (call: Call) => string])[] = [
  [/larger than configured readMaxBytes/, () => tooLarge],
  [/^decompression failed$/, () => "the compressed message is corrupt"],
  [/^protocol error: missing input message/, () => "the request has no message"],
  [/^protocol error: received extra input message/, () => "the request has a second message"],
  [/^received compressed envelope/, () => "the message is compressed, but no compression is named"],
  [/^the operation timed out$/, () => "deadline exceeded"],
  [/^protocol error: incomplete envelope$/, incomplete],
];

function incomplete(call: Call): string {
  const frames = framesOf(call);
  if (goesOn(call)) return "the request has bytes behind its message";
  return frames.byteLength < 5
    ? "the request ends within the head of its message"
    : `promised ${frames.readUInt32BE(1)} bytes of message, got ${frames.byteLength - 5}`;
}

/** What the parser says of the message when nothing is taken off it. */
export function jsonFault(call: Call): string {
  const schema = call.method === "Check" ? HealthCheckRequestSchema : NoteSchema;
  try {
    return String(fromJsonString(schema, messageOf(call).toString()));
  } catch (error) {
    return (error as Error).message;
  }
}
