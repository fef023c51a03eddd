import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

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
  if (error !== undefined) target.set("grpc-message", encodeStatusMessage(error.rawMessage));
  return target;
}

/**
 * Encode no more than gRPC asks for, and spaces at the ends, which HTTP would strip.
 *
 * `@connectrpc/connect` encodes punctuation, too, which grpc-js leaves as it came.
 *
 * @param message Without lone surrogates.
 */
export function encodeStatusMessage(message: string): string {
  return message.replace(/^ +| +$|[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent);
}
