import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { batchFromBytes, bytesFromBatch } from "../../../src/rpc/giraffe/profiles/kept-batch.ts";

test("the results of 1,000 users take little, and are read as they were", () => {
  const digits = () => String(randomInt(1e8, 1e9));
  const results = Array.from({ length: 1_000 }, () => {
    const times = {
      createdAt: 1_795_771_174_000_000 + randomInt(1e12),
      changedAt: Date.now() * 1_000,
    };
    const written = {
      userId: digits() + digits(),
      version: randomInt(1, 100),
      organization: "69629023906488334",
      ...times,
    };
    return { kind: "done" as const, written, isChanged: true };
  });
  const bytes = bytesFromBatch({ request: "digest", results });
  expect(bytes.byteLength).toBeLessThan(40_000);
  expect(batchFromBytes(bytes, "digest")).toEqual({ request: "digest", results });
});
