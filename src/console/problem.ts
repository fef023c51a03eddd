import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

/** Why a call failed, in words for people. */
export type Problem = {
  readonly text: string;
  /** Of `google.rpc.ErrorInfo`, such as `PROFILE_NOT_CHANGED`; empty without one. */
  readonly reason: string;
  /** What is wrong with which field, in words for people, by its name in the request, such as `first_name`. */
  readonly violations: ReadonlyMap<string, string>;
  /** The page itself has canceled the call, so there is nothing to show. */
  readonly isCanceled: boolean;
};

/** @throws What was thrown, if it is not the error of a call. */
export function problemFrom(thrown: unknown): Problem {
  if (!(thrown instanceof ConnectError)) throw thrown;
  const [badRequest] = thrown.findDetails(BadRequestSchema);
  const [info] = thrown.findDetails(ErrorInfoSchema);
  return {
    text: textFrom(thrown),
    reason: info?.reason ?? "",
    violations: new Map(
      badRequest?.fieldViolations.map(({ field, description, localizedMessage }) => [
        field,
        // The server says only the first violations in words for people.
        sentence(localizedMessage?.message || description),
      ]),
    ),
    isCanceled: thrown.code === Code.Canceled,
  };
}

function textFrom({ cause, rawMessage }: ConnectError): string {
  // `fetch` throws a TypeError if it gets no answer.
  if (cause instanceof TypeError) return "The server cannot be reached. Try again in a moment.";
  return sentence(rawMessage);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
