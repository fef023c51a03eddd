import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { ProfileResultSchema } from "../../../../gen/giraffe/v1/user_service_pb.ts";
import { ServiceError } from "../../../domain/errors.ts";
import { connectErrorFrom } from "../../errors.ts";
import { timestampFromMicros } from "../../management/messages/details.ts";
import type { Written } from "../../repeats/answers.ts";
import { textsKey } from "../../translate/translate.ts";

/** What became of an update. */
export type Result =
  | { readonly kind: "done"; readonly written: Written; readonly isChanged: boolean }
  | {
      readonly kind: "refused";
      readonly error: unknown;
      /** Where the user lives, if the caller was allowed to change it. */
      readonly organization?: string;
    };

/** The results of a batch of which nothing is stored, because some of its updates were refused. */
export function notStored(results: readonly Result[]): Result[] {
  return results.map((result) =>
    result.kind === "refused"
      ? result
      : {
          kind: "refused",
          error: new ServiceError("batchNotStored"),
          organization: result.written.organization,
        },
  );
}

/** Whether one of the updates was refused. */
export function hasRefusal(results: readonly Result[]): boolean {
  return results.some(({ kind }) => kind === "refused");
}

/**
 * A result as the answer has it, in the language of the caller.
 *
 * @throws The error of a result that nobody expects: the whole call fails with it, so that it is logged.
 */
export function messageFromResult(
  userId: string,
  result: Result,
  { values }: Pick<HandlerContext, "values">,
): MessageInitShape<typeof ProfileResultSchema> {
  if (result.kind === "done") {
    const { version, createdAt, changedAt, organization } = result.written;
    const details = {
      sequence: BigInt(version),
      creationDate: timestampFromMicros(createdAt),
      changeDate: timestampFromMicros(changedAt),
      resourceOwner: organization,
      changed: result.isChanged,
    };
    return { userId, outcome: { case: "details", value: details } };
  }
  const error = connectErrorFrom(values.get(textsKey).translateError(result.error));
  if (error.code === Code.Internal) throw result.error;
  return { userId, outcome: { case: "error", value: statusFrom(error) } };
}

function statusFrom({ code, rawMessage, details }: ConnectError) {
  return {
    code,
    message: rawMessage,
    details: details.flatMap((detail) =>
      "desc" in detail ? [anyPack(detail.desc, create(detail.desc, detail.value))] : [],
    ),
  };
}
