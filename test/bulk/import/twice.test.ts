/** One user in two lines, which are in different batches. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPlace } from "../../cli/serving.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const line = (userId: number, nickName: string) =>
  `${JSON.stringify({
    userId: String(userId),
    userName: `user-${userId}`,
    profile: { firstName: "Gigi", lastName: "Giraffe", nickName },
    email: { email: "gigi@giraffe.example" },
  })}\n`;

test.for([
  { engine: "SQLite", open: async () => createPlace(), batch: 8_000 },
  {
    engine: "PostgreSQL",
    open: async () => createPlace(await newPostgresDatabase()),
    batch: 2_000,
  },
])(
  "the second line changes whom a batch has added that is not written yet, on $engine",
  async ({ open, batch }) => {
    const place = await open();
    await place.administer("org", "create", "Zoo");
    const users = Array.from({ length: 2 * batch }, (_, index) => line(index + 1, "first"));
    const file = join(place.folder, "users.ndjson");
    // The third batch has a user of the first and one of the second, a new one, and one who is there as the line says.
    const others = [
      line(7, "second"),
      line(batch + 7, "second"),
      line(2 * batch + 1, "new"),
      line(8, "first"),
    ];
    writeFileSync(file, [...users, ...others].join(""));
    const { code, stdout } = await place.administer("import", file, "--update", "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      imported: 2 * batch + 1,
      changed: 2,
      unchanged: 1,
      rejected: 0,
    });
    const shown = await place.administer("user", "get", "7", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ profile: { nickName: "second" } });
  },
);
