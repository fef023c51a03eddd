import { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { maxStatusBytes } from "../limits.ts";
import { isErrorInfo } from "../refusal.ts";

/**
 * The trailers that end a call of gRPC or gRPC-Web: what the handler has set, and the status.
 *
 * @param error `undefined` for a success.
 */
export function statusTrailers(
  trailer: Headers | undefined,
  error: ConnectError | undefined,
): Headers {
  const target = setTrailerStatus(new Headers(trailer), error);
  if (error !== undefined) fitStatus(target, error);
  return target;
}

/**
 * Shorten what `@connectrpc/connect` has set: the message is encoded no more than it must be, and if the details are too
 * large together with it, only the `ErrorInfo` is left.
 */
export function fitStatus(trailer: Headers, error: ConnectError): void {
  const message = encodeStatusMessage(error.rawMessage);
  const details = trailer.get("grpc-status-details-bin") ?? "";
  if (message.length + details.length > maxStatusBytes) {
    trailer.delete("grpc-status-details-bin");
    const essential = new ConnectError(error.rawMessage, error.code);
    essential.details.push(...error.details.filter(isErrorInfo));
    setTrailerStatus(trailer, essential);
  }
  trailer.set("grpc-message", message);
}

/**
 * Encode only the characters for which gRPC requires it, and spaces at both ends, which HTTP would strip.
 *
 * `@connectrpc/connect` encodes punctuation, too, and grpc-js would show that encoded.
 *
 * @param message Without lone surrogates.
 */
export function encodeStatusMessage(message: string): string {
  const encoded = message.replace(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent);
  // A regular expression for the spaces at the end would take quadratic time.
  let start = 0;
  while (encoded.charAt(start) === " ") start += 1;
  let end = encoded.length;
  while (end > start && encoded.charAt(end - 1) === " ") end -= 1;
  const spaces = (count: number) => "%20".repeat(count);
  return spaces(start) + encoded.slice(start, end) + spaces(encoded.length - end);
}
