import { bodyOf, type Call, framesOf, isConnect, isText, payloadOf } from "./call.ts";
import { maxMessageBytes } from "./servers.ts";

export function isUnknown(encoding: string | undefined): boolean {
  return !["gzip", "GZIP", "br", "identity", "", undefined].includes(encoding);
}

export function isBadTimeout(call: Call): boolean {
  const { timeout } = call;
  const grammar = isConnect(call) ? /^\d{1,10}$/ : /^\d{1,8}[HMSmun]$/;
  return timeout !== undefined && !grammar.test(timeout);
}

export function isTooLarge(call: Call): boolean {
  return payloadOf(call).byteLength > maxMessageBytes;
}

/** In its text form gRPC-Web may need twice the bytes. */
export function isBodyTooLarge(call: Call): boolean {
  const framed = maxMessageBytes + 5;
  const most = isConnect(call) ? maxMessageBytes : framed;
  return bodyOf(call).byteLength > (isText(call) ? 2 * framed : most);
}

/** Whether anything stands behind the first message. */
export function goesOn(call: Call): boolean {
  const isShort = call.framing === "of too short a length" && payloadOf(call).byteLength > 0;
  return !isConnect(call) && (isShort || ["twice", "followed by bytes"].includes(call.framing));
}

/** Whether the head of the message promises more than is allowed. */
export function promisesTooMuch(call: Call): boolean {
  return framesOf(call).readUInt32BE(1) > maxMessageBytes;
}

export function isServedType({ contentType = "" }: Call): boolean {
  return /^application\/grpc(-web(-text)?)?(\+proto|\+json(; charset=utf-8)?)?$/i.test(contentType);
}

/** Whether the body ends where the message should begin. */
export function endsBehindHead(call: Call): boolean {
  const frames = framesOf(call);
  return !isConnect(call) && frames.byteLength === 5 && frames.readUInt32BE(1) > 0;
}
