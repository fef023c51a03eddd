import { create } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { digestOfRequest, nameOfCall } from "../../../src/rpc/repeats/repeat.ts";

const method = ManagementService.method.updateHumanProfile;

// What is stored of a call is found under these for a day, also by a later release.
test.for([
  ["abc", "c3LKrDNKGOYNNdywytd9sn4KPfbWvQamzXpeFCjXfh0"],
  ['k\\"x', "hDon6YiveCggja_WRCrJG6JDGR2osA-LYtqkQU-VXRo"],
  ["ü€", "wRePYzys-4rFu12iOw8U3oq2QOGGQT-V_5sAZy6eZGQ"],
] as const)("names a call with the key %s as every release does", ([key, name]) => {
  expect(nameOfCall({ values: createContextValues() }, method, key, "42").name).toBe(name);
});

test.for([
  [{}, "b0xfvbZdH6CwgCLmnM9QsUK4a6gW_YGBXMxOxkoNEg4"],
  [{ "if-match": '"3"' }, "X6afpDDxq_l80PUD0yBiAJxGQXOXjiAlTv0ta4AfLp4"],
  [
    { "x-giraffe-update-mask": "a,b", "x-giraffe-allow-unchanged": "true" },
    "ZVT9VoJchZCYyNyvkPeiOoCE8l-RQ-Jo4E0yqiGiVnE",
  ],
] as const)("digests a request with the headers %o as every release does", ([headers, digest]) => {
  const request = create(method.input, { userId: "1", firstName: "Ä€😀" });
  expect(digestOfRequest(request, { method, requestHeader: new Headers(headers) })).toBe(digest);
});
