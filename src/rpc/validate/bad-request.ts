import { create, toBinary } from "@bufbuild/protobuf";
import {
  type BadRequest,
  BadRequest_FieldViolationSchema,
  BadRequestSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import type { FieldRulesError } from "./field-violation.ts";

/** The bytes of a status: clients of gRPC take 8 KiB of headers, and there are other headers. */
const maxStatusBytes = 7_000;

/** More than the `ErrorInfo` and the tags and lengths around the details take. */
const errorInfoBytes = 160;

/** Of a message within another one: its tag, and its length. */
const lengthPrefixBytes = 3;

/** As many of the violations as fit into the headers of an answer; the first one always. */
export function badRequestFrom({ message, violations }: FieldRulesError): BadRequest {
  const fieldViolations = violations.map(({ field, description, rule, localized }) => ({
    field,
    description,
    reason: rule,
    localizedMessage: localized,
  }));
  const badRequest = create(BadRequestSchema, { fieldViolations });
  dropBeyond(badRequest, bytesBeside(message));
  return badRequest;
}

/**
 * How many bytes are left for violations. gRPC sends the message in one header, and the status, which
 * holds message and details, as base64 in another.
 */
function bytesBeside(message: string): number {
  const inBase64 = maxStatusBytes - encodeURIComponent(message.toWellFormed()).length;
  return (inBase64 * 3) / 4 - Buffer.byteLength(message) - errorInfoBytes;
}

function dropBeyond({ fieldViolations }: BadRequest, maxBytes: number): void {
  let bytes = 0;
  const beyond = fieldViolations.findIndex((violation, index) => {
    bytes += toBinary(BadRequest_FieldViolationSchema, violation).byteLength + lengthPrefixBytes;
    return index > 0 && bytes > maxBytes;
  });
  if (beyond !== -1) fieldViolations.length = beyond;
}
