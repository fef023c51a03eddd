import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { root, runGiraffe } from "../support/child.ts";
import { query } from "../support/postgres.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";
import { callRest, createPlace, profile, profileUrl } from "./serving.ts";

const fixtures = join(root, "test", "store", "fixtures");
const newest = 15;

/** Databases that earlier versions wrote, with the version of their schema. */
const stored = readdirSync(fixtures).map((name) => {
  const [, engine = "", version = ""] = /^(sqlite|postgres)-(\d+)/.exec(name) ?? [];
  return { name, engine, version: Number(version) };
});

/** A place that holds a copy of a stored database. */
async function storedPlace({ name, engine }: { readonly name: string; readonly engine: string }) {
  if (engine === "sqlite") {
    const place = createPlace();
    copyFileSync(join(fixtures, name), join(place.folder, "giraffe.db"));
    return place;
  }
  const url = await newPostgresDatabase();
  await query(url, readFileSync(join(fixtures, name), "utf8"));
  return createPlace(url);
}

/** A version of the schema that this release does not know. */
async function makeTooNew(database: string) {
  if (database.startsWith("sqlite:")) {
    const db = new DatabaseSync(database.slice("sqlite:".length));
    db.exec("pragma user_version = 99");
    db.close();
  } else await query(database, "insert into schema_versions (version) values (99)");
}

describe("giraffe --version", () => {
  test.for(["--version", "-V"])("tells the release: %s", async (flag) => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(await runGiraffe(flag)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

describe("giraffe status", () => {
  const engines = { sqlite: /^SQLite 3\.\d+\.\d+$/, postgres: /^PostgreSQL \d+\.\d+/ };

  test.for(["sqlite", "postgres"] as const)(
    "tells what is there, beside a server: %s",
    async (engine) => {
      const place = createPlace(engine === "sqlite" ? undefined : await newPostgresDatabase());
      const server = await place.serve("--demo", ...(engine === "sqlite" ? [] : ["--workers=1"]));
      await place.administer("org", "create", "Zoo");
      const users = `${server.url}/management/v1/users`;
      const add = (userName: string) =>
        callRest("POST", `${users}/human/_import`, place.token(), {
          ...{ userName, profile: { ...profile, nickName: '"kind":"present"' } },
          email: { email: `${userName}@giraffe.example` },
        });
      const { userId } = (await add("one")).body;
      await add("two");
      await callRest("DELETE", `${users}/${userId}`, place.token());

      const { code, stdout, stderr } = await place.administer("status", "--json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual({
        release: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        engine: expect.stringMatching(engines[engine]),
        schema: { version: newest, newest, atStart: "unchanged" },
        organizations: 2,
        users: 2,
      });
      const forPeople = await place.administer("status", "--check");
      expect(forPeople).toMatchObject({ code: 0, stderr: "" });
      expect(forPeople.stdout).toMatch(
        /^release {8}\d\S+\nengine {9}\S+ .*\nschema {9}15, up to date\norganizations {2}2\nusers {10}2\n$/,
      );
    },
  );

  test("refuses a database that is not there, and one in memory", async () => {
    const place = createPlace();
    const file = join(place.folder, "giraffe.db");
    expect(await place.administer("status")).toEqual({
      code: 1,
      stdout: "",
      stderr: `giraffe: there is no database ${file}: serve and org create make one\n`,
    });
    expect(readdirSync(place.folder)).toEqual([]);
    expect(await runGiraffe("status", "--database", "sqlite::memory:")).toEqual({
      code: 2,
      stdout: "",
      stderr: "giraffe: --database is in memory: only the server that has it can look at it\n",
    });
  });

  test("says of a database that is empty that it would be migrated", async () => {
    const place = createPlace(await newPostgresDatabase());
    const { code, stdout } = await place.administer("status", "--check", "--json");
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: { version: 0, newest, atStart: "migrated" },
      organizations: 0,
      users: 0,
    });
  });
});

describe("an upgrade, as docs/operating.md tells it", () => {
  test.for(stored)("of $name: check, start, check again", async (each) => {
    const place = await storedPlace(each);
    const checked = () => place.administer("status", "--check", "--json");
    const before = await checked();
    expect(JSON.parse(before.stdout)).toMatchObject({
      schema: { version: each.version, newest },
      organizations: 1,
    });
    expect(before.code).toBe(each.version === newest ? 0 : 3);
    // The check has changed nothing.
    expect((await checked()).stdout).toBe(before.stdout);

    expect(await place.administer("org", "list")).toMatchObject({ code: 0 });
    const after = await checked();
    expect(after.code).toBe(0);
    const { users } = JSON.parse(before.stdout);
    expect(users).toBeGreaterThan(0);
    expect(JSON.parse(after.stdout)).toMatchObject({
      schema: { version: newest, newest, atStart: "unchanged" },
      organizations: 1,
      users,
    });
  });
});

describe("a downgrade, as docs/operating.md tells it", () => {
  test.for(["sqlite", "postgres"])("is refused by the older release: %s", async (engine) => {
    const place = createPlace(engine === "sqlite" ? undefined : await newPostgresDatabase());
    expect(await place.administer("org", "create", "Zoo")).toMatchObject({ code: 0 });
    await makeTooNew(place.database);
    const { code, stdout } = await place.administer("status", "--check");
    expect(code).toBe(4);
    expect(stdout).toMatch(/^schema +99, newer than this release, which knows only up to 15$/m);
    for (const argv of [
      ["org", "list"],
      ["serve", "--listen=127.0.0.1:0", "--workers=1"],
    ]) {
      const refused = await place.administer(...argv);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
      expect(refused.stderr).toMatch(/^giraffe: .*schema version 99, .*run the newer Giraffe/);
    }
  });

  test("works with the backup that was made before the upgrade", async () => {
    const place = await storedPlace({ name: "sqlite-4.db", engine: "sqlite" });
    const backup = join(place.folder, "before.db");
    expect(await place.administer("backup", backup)).toMatchObject({ code: 0 });
    const server = await place.serve();
    server.kill("SIGTERM");
    await server.ended;
    expect((await place.administer("status", "--check")).code).toBe(0);
    await makeTooNew(place.database);

    // As under "Backup": the copy takes the place of the file, and of the files beside it.
    copyFileSync(backup, join(place.folder, "giraffe.db"));
    const { code, stdout } = await place.administer("status", "--check", "--json");
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ schema: { version: 4 } });
    const again = await place.serve();
    expect((await place.administer("status", "--check")).code).toBe(0);
    const { body } = await callRest(
      ...(["GET", profileUrl(again)] as const),
      JSON.parse(
        (await place.administer("token", "create", "--name=a", "--role=IAM_OWNER", "--json"))
          .stdout,
      ).secret,
    );
    expect(body).toMatchObject({ profile: { displayName: "ẞigi" } });
  });
});
