import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** The value of `Retry-After`: whole seconds, rounded up (RFC 9110 section 10.2.3). */
export function retryAfter(delayMs: number): string {
  return String(Math.ceil(delayMs / 1_000));
}

/** For clients that look at headers: those of HTTP, and those of gRPC that retry by themselves. */
export function setRetryHeaders(error: ConnectError, delayMs: number): void {
  error.metadata.set("retry-after", retryAfter(delayMs));
  error.metadata.set("grpc-retry-pushback-ms", String(delayMs));
}

/** For clients that look at the details of an error. */
export function addRetryInfo(error: ConnectError, delayMs: number): void {
  error.details.push({ desc: RetryInfoSchema, value: { retryDelay: durationFromMs(delayMs) } });
}
