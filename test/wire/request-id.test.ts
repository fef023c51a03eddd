import { expect, test } from "vitest";
import { createRequestIds } from "../../src/wire/request-id.ts";

test("ids are UUIDs, and no two are the same, whoever makes them", () => {
  const ids = [createRequestIds(), createRequestIds()].flatMap((newId) =>
    Array.from({ length: 1_000 }, newId),
  );
  expect(new Set(ids).size).toBe(2_000);
  for (const id of ids)
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});
