import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromJson } from "@bufbuild/protobuf";
import { ImportDataRequestSchema } from "@zitadel/proto/zitadel/admin_pb.js";
import { describe, expect, test } from "vitest";
import { createPlace, type Place } from "../../cli/serving.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { eventsFile, present } from "../../support/zitadel/files.ts";
import { makeWorld } from "../../support/zitadel/world.ts";

const engines = [
  { engine: "SQLite", open: async () => createPlace() },
  { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
];

const linesOf = async (place: Place) => (await place.administer("export")).stdout;

/** A database with a made-up instance of ZITADEL's. */
async function movedIn(place: Place, people: number) {
  const world = makeWorld({ people });
  await place.administer("org", "create", "Nobody's", "--id", "1");
  const file = join(place.folder, "events.ndjson");
  eventsFile(file, world.events);
  await place.administer("import", "--from", "zitadel-events", file);
  return world;
}

const filesIn = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

describe("export --to zitadel-import", () => {
  test.for(engines)("can be imported again, on $engine", async ({ open }) => {
    const place = await open();
    const world = await movedIn(place, 300);
    const folder = join(place.folder, "out");
    const ended = await place.administer("export", "--to", "zitadel-import", folder, "--json");
    const { code, stderr } = ended;
    expect({ code, summary: JSON.parse(stderr) }).toEqual({
      code: 0,
      summary: { exported: present(world).length, files: 4 },
    });
    const other = await open();
    await other.administer("org", "create", "Zoo");
    for (const file of filesIn(folder)) {
      const again = await other.administer("import", "--from", "zitadel-export", file);
      expect(again).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^imported \d+ users\n$/),
      });
    }
    expect(await linesOf(other)).toBe(await linesOf(place));
    const named = JSON.parse((await other.administer("org", "list", "--json")).stdout);
    const names = named.map(({ id, name }: Record<string, string>) => [id, name]);
    const left = world.organizations.filter(({ isRemoved }) => !isRemoved);
    expect(names).toEqual(
      expect.arrayContaining([["1", "Nobody's"], ...left.map(({ id, name }) => [id, name])]),
    );
  });

  test("writes requests that ZITADEL's own descriptors read, for their owner alone", async () => {
    const place = createPlace();
    const world = await movedIn(place, 100);
    const folder = join(place.folder, "out");
    await place.administer(
      "export",
      "--to",
      "zitadel-import",
      folder,
      "--org",
      "70000000000000001",
    );
    const [file = "", ...others] = filesIn(folder);
    expect(others).toEqual([]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const request = fromJson(ImportDataRequestSchema, JSON.parse(readFileSync(file, "utf8")));
    if (request.data.case !== "dataOrgs") throw new Error("it has no organizations");
    const [organization] = request.data.value.orgs;
    const mine = present(world).filter(({ person }) => person.organization.name === "Savanna");
    expect(request.timeout).toBe("10m");
    expect(organization).toMatchObject({ orgId: "70000000000000001", org: { name: "Savanna" } });
    expect(organization?.humanUsers.map(({ userId }) => userId)).toEqual(
      mine.map(({ person }) => person.id),
    );
  });

  test("keeps every file below 4 MiB and 2,000 people, metadata behind its person", async () => {
    const place = createPlace();
    await place.administer("org", "create", "Zoo", "--id", "1");
    const value = Buffer.alloc(450_000, 7).toString("base64");
    const users = Array.from({ length: 2_300 }, (_, index) => ({
      userId: `u${String(index).padStart(5, "0")}`,
      userName: `user-${index}`,
      profile: { firstName: "F", lastName: "L" },
      email: { email: "a@giraffe.example" },
      ...(index === 5 && {
        metadata: [1, 2, 3, 4, 5, 6, 7, 8].map((key) => ({ key: `k${key}`, value })),
      }),
    }));
    const lines = join(place.folder, "users.ndjson");
    writeFileSync(lines, users.map((each) => `${JSON.stringify(each)}\n`).join(""));
    await place.administer("import", lines);
    const folder = join(place.folder, "out");
    await place.administer("export", "--to", "zitadel-import", folder);
    const seen = new Set<string>();
    let metadata = 0;
    for (const file of filesIn(folder)) {
      expect(statSync(file).size).toBeLessThan(4_194_304);
      const [{ humanUsers, userMetadata }] = JSON.parse(readFileSync(file, "utf8")).dataOrgs.orgs;
      expect(humanUsers.length).toBeLessThanOrEqual(2_000);
      for (const { userId } of humanUsers) seen.add(userId);
      for (const { id } of userMetadata) expect(seen).toContain(id);
      metadata += userMetadata.length;
    }
    expect([seen.size, metadata]).toEqual([2_300, 8]);
  });

  test("refuses a folder with something in it, and flags that do not fit", async () => {
    const place = createPlace();
    await movedIn(place, 5);
    const full = await place.administer("export", "--to", "zitadel-import", place.folder);
    expect(full).toMatchObject({ code: 1, stderr: expect.stringContaining("something in it") });
    for (const [argv, problem] of [
      [["--to", "zitadel-import"], "DIR is missing"],
      [["--to", "nothing", "out"], "the form is zitadel-import"],
      [["out"], "unexpected argument"],
    ] as const) {
      const { code, stderr } = await place.administer("export", ...argv);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(problem) });
    }
    expect(existsSync("out")).toBe(false);
  });
});
