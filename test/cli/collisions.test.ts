import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPlace } from "./serving.ts";

test("C7: serve names users who lost their user name to others, by their ids, at every start", async () => {
  const place = createPlace();
  const fixture = new URL("../store/fixtures/sqlite-3c.db", import.meta.url);
  copyFileSync(fixture, join(place.folder, "giraffe.db"));
  const said: unknown[] = [];
  for (const _ of ["migrates", "has migrated"]) {
    const server = await place.serve();
    server.kill("SIGTERM");
    const { stderr } = await server.ended;
    const warnings = stderr.split("\n").filter((line) => line.includes('"level":40'));
    said.push(
      warnings.map((line) => {
        const { userId, holder, msg } = JSON.parse(line);
        return { userId, holder, msg };
      }),
    );
    expect(stderr.toLowerCase()).not.toContain("stanbul");
  }
  const id = expect.stringMatching(/^\d{18}$/);
  const msg = expect.stringContaining("belongs to another user");
  const warnings = [{ userId: id, holder: id, msg }];
  expect(said).toEqual([warnings, warnings]);
});
