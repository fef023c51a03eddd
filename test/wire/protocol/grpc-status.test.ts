import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { maxStatusBytes } from "../../../src/wire/limits.ts";
import { statusTrailers } from "../../../src/wire/protocol/grpc-status.ts";

test("all details are sent in a status of the largest size, and the reason alone beyond it", () => {
  const trailersOf = (length: number) =>
    statusTrailers(
      new Headers({ "x-tail": "1" }),
      new ConnectError("x".repeat(length), Code.Aborted, { "x-reason": "because" }, [
        { desc: StatusSchema, value: { message: "x".repeat(4_001) } },
        { desc: ErrorInfoSchema, value: { reason: "ABORTED", domain: "a" } },
      ]),
    );
  const sizeOf = (trailers: Headers) =>
    `${trailers.get("grpc-message")}${trailers.get("grpc-status-details-bin")}`.length;
  expect(sizeOf(trailersOf(722))).toBe(maxStatusBytes);
  const shortened = trailersOf(723);
  expect(sizeOf(shortened)).toBeLessThan(2_000);
  expect([...shortened.keys()]).toEqual([
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "x-reason",
    "x-tail",
  ]);
  expect(shortened.get("grpc-status")).toBe("10");
});
