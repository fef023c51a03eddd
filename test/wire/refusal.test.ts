import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { maxErrorMessageBytes } from "../../src/wire/limits.ts";
import { explain, type RefusalKind, refusal, refusals } from "../../src/wire/refusal.ts";
import { setRetryHeaders } from "../../src/wire/retry-hint.ts";

const { InvalidArgument, ResourceExhausted, Unimplemented, Internal } = Code;
const { DeadlineExceeded, Canceled, Unavailable } = Code;

/** What clients match on. Lines may be added, and none may change. The last word: trying again may help. */
const landed: readonly (readonly [RefusalKind, Code, reason: string, retry?: "retry"])[] = [
  ["messageMalformed", InvalidArgument, "MESSAGE_MALFORMED"],
  ["fieldUnknown", InvalidArgument, "FIELD_UNKNOWN"],
  ["messageTooLarge", ResourceExhausted, "MESSAGE_TOO_LARGE"],
  ["messageMissing", Unimplemented, "MESSAGE_MISSING"],
  ["messageRepeated", Unimplemented, "MESSAGE_REPEATED"],
  ["compressionUndeclared", Internal, "COMPRESSION_UNDECLARED"],
  ["compressionUnknown", Unimplemented, "COMPRESSION_UNKNOWN"],
  ["timeoutInvalid", InvalidArgument, "TIMEOUT_INVALID"],
  ["parameterInvalid", InvalidArgument, "PARAMETER_INVALID"],
  ["methodUnknown", Unimplemented, "METHOD_UNKNOWN"],
  ["bodyTooSlow", DeadlineExceeded, "BODY_TOO_SLOW"],
  ["deadlineExceeded", DeadlineExceeded, "DEADLINE_EXCEEDED"],
  ["canceled", Canceled, "CANCELED"],
  ["draining", Unavailable, "DRAINING", "retry"],
  ["tooManyStreams", ResourceExhausted, "TOO_MANY_STREAMS", "retry"],
  ["streamTooOld", Unavailable, "STREAM_TOO_OLD", "retry"],
  ["overloaded", Unavailable, "OVERLOADED", "retry"],
];

test.for(landed)("%s has the code %d and the reason %s", ([kind, code, reason, retry]) => {
  const error = explain(refusal(kind, "no"), "a.test");
  expect([error.code, error.rawMessage]).toEqual([code, "no"]);
  expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason, domain: "a.test" }]);
  const hints = error.findDetails(RetryInfoSchema).map(({ retryDelay }) => retryDelay?.seconds);
  expect([hints, [...error.metadata]]).toEqual(
    retry === undefined
      ? [[], []]
      : [
          [1n],
          [
            ["grpc-retry-pushback-ms", "1000"],
            ["retry-after", "1"],
          ],
        ],
  );
});

test("every error of the wire is among these", () => {
  expect(landed.map(([kind]) => kind)).toEqual(Object.keys(refusals));
});

test("an error that is explained twice, or explains itself, has one reason", () => {
  const twice = explain(explain(refusal("overloaded", "no"), "a.test"), "b.test");
  expect(twice.findDetails(ErrorInfoSchema)).toMatchObject([{ domain: "a.test" }]);
  expect(twice.details).toHaveLength(2);

  const own = { desc: ErrorInfoSchema, value: { reason: "OWN", domain: "own.test" } };
  const itself = explain(new ConnectError("no", Code.NotFound, undefined, [own]), "a.test");
  expect(itself.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "OWN" }]);
  expect(itself.details).toHaveLength(1);
});

test("without a domain an error gets no details", () => {
  expect(explain(refusal("overloaded", "no"), undefined).details).toEqual([]);
});

test("an error that is cut keeps everything else", () => {
  const cause = new Error("why");
  const detail = { desc: RetryInfoSchema, value: {} };
  const text = "x".repeat(maxErrorMessageBytes + 1);
  const long = new ConnectError(text, Code.Aborted, { "x-own": "1" }, [detail], cause);
  const error = explain(long, "a.test");
  expect(error.rawMessage).toBe(`${"x".repeat(maxErrorMessageBytes - 3)}…`);
  expect([error.code, error.cause, error.metadata.get("x-own")]).toEqual([
    Code.Aborted,
    cause,
    "1",
  ]);
  expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
  expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "ABORTED" }]);
  // The handler may throw the same error again.
  expect(long.details).toHaveLength(1);
});

test("an error of the wire that is cut keeps its reason", () => {
  const error = explain(refusal("draining", "x".repeat(2 * maxErrorMessageBytes)), "a.test");
  expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "DRAINING" }]);
});

test("Retry-After is rounded up to whole seconds", () => {
  const error = new ConnectError("no", Code.Unavailable);
  setRetryHeaders(error, 2_001);
  expect(error.metadata.get("retry-after")).toBe("3");
  expect(error.metadata.get("grpc-retry-pushback-ms")).toBe("2001");
});
