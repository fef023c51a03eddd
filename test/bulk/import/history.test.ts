/** Users whose lines have their history, and who are imported again when more has happened. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTransfer } from "../../../src/server/database.ts";
import { createPlace } from "../../cli/serving.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";

const moment = (version: number) => `2026-01-01T00:00:${String(version).padStart(2, "0")}Z`;
const added = {
  ...{ userName: "gigi", email: "gigi@giraffe.example", isEmailVerified: false },
  ...{ phone: "", isPhoneVerified: false, firstName: "Gigi", lastName: "Giraffe", nickName: "" },
  ...{ displayName: "Gigi Giraffe", preferredLanguage: "und", gender: 0 },
};
const set = (key: string) => ["user.metadata.set", { key, value: "YQ==" }] as const;

/** A line of a user with these events. */
function lineOf(events: readonly (readonly [type: string, data: object])[]): string {
  const told = [["user.human.added", added] as const, ...events].map(([type, data], place) => ({
    ...{ type, data, creator: "me" },
    ...{ version: place + 1, at: moment(place + 1) },
  }));
  const last = told.length;
  const user = { userId: "u", version: last, changedAt: moment(last), events: told };
  return `${JSON.stringify(user)}\n`;
}

/** Dates as numbers of the events that happened then. */
async function attributesOf(url: string) {
  const { transfer, directory } = await openTransfer(
    url.startsWith("sqlite:")
      ? { kind: "sqlite", path: url.replace("sqlite:", "") }
      : { kind: "postgres", url },
  );
  const found = await transfer.attributes("u");
  await transfer.close();
  await directory.close();
  const number = (at: number) => (at - Date.parse(moment(0)) * 1_000) / 1_000_000;
  return found?.attributes.map(({ key, version, createdAt, changedAt }) => ({
    ...{ key, version },
    ...{ createdAt: number(createdAt), changedAt: number(changedAt) },
  }));
}

test.for(
  [
    { engine: "SQLite", open: async () => createPlace() },
    { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
  ].flatMap((each) => [
    {
      ...each,
      name: "all metadata was removed",
      more: [["user.metadata.removed.all", {}] as const],
      want: [],
    },
    { ...each, name: "the user was removed", more: [["user.removed", {}] as const], want: [] },
    {
      ...each,
      name: "all metadata was removed, and some set again",
      more: [["user.metadata.removed.all", {}] as const, set("b")],
      want: [{ key: "b", version: 6, createdAt: 6, changedAt: 6 }],
    },
    {
      ...each,
      name: "metadata was removed and set again",
      more: [["user.metadata.removed", { key: "a" }] as const, set("a"), set("b")],
      want: [
        { key: "a", version: 6, createdAt: 6, changedAt: 6 },
        { key: "b", version: 7, createdAt: 3, changedAt: 7 },
        { key: "c", version: 4, createdAt: 4, changedAt: 4 },
      ],
    },
  ]),
)("$name after the first import, on $engine", async ({ open, more, want }) => {
  const place = await open();
  await place.administer("org", "create", "Zoo");
  const file = join(place.folder, "users.ndjson");
  const first = ["a", "b", "c"].map(set);
  for (const [events, outcome] of [
    [first, { imported: 1 }],
    [[...first, ...more], { changed: 1 }],
  ] as const) {
    writeFileSync(file, lineOf(events));
    const { code, stdout, stderr } = await place.administer("import", file, "--update", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ ...outcome, rejected: 0 });
  }
  expect(await attributesOf(place.database)).toEqual(want);
});
