import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { ErrorInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";

/**
 * Find the HTTP status of an error: that of its reason, or else that of its code.
 *
 * @param byReason By the reason of the error's `google.rpc.ErrorInfo`.
 */
export function createStatusOf(
  byReason: Readonly<Record<string, number>>,
): (error: ConnectError) => number {
  const statuses = new Map(Object.entries(byReason));
  return (error) => statuses.get(reasonOf(error) ?? "") ?? codeToHttpStatus(error.code);
}

function reasonOf({ details }: ConnectError): string | undefined {
  for (const detail of details) {
    if ("desc" in detail && detail.desc.typeName === ErrorInfoSchema.typeName) {
      return (detail.value as { readonly reason?: string }).reason;
    }
  }
  return undefined;
}
