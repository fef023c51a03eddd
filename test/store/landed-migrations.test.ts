import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { advance } from "../../src/domain/human.ts";
import type { HumanState } from "../../src/domain/human-state.ts";
import { genders } from "../../src/domain/profile.ts";
import { searchKeys } from "../../src/domain/search-keys.ts";
import { uniqueKeys, userNameKey } from "../../src/domain/user-name.ts";
import type { EventStore } from "../../src/store/event-store.ts";
import { openPostgres } from "../../src/store/postgres/database.ts";
import { createPostgresEventStore } from "../../src/store/postgres/event-store.ts";
import { collisionsIn as postgresCollisions } from "../../src/store/postgres/upgrade/renew-unique-keys.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteEventStore } from "../../src/store/sqlite/event-store.ts";
import { collisionsIn as sqliteCollisions } from "../../src/store/sqlite/upgrade/renew-unique-keys.ts";
import { query } from "../support/postgres.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";

/**
 * SHA-256 of every migration that has landed. Add a line for a new one; never change one: databases are
 * at these versions, and a step that differs leads to other tables. Make a new migration instead.
 */
const digests = {
  "sqlite/migrations/001.sql": "e0436263fb978134bf76e96cdb4474cedb2c205216f80f0b1a6b1d646a0985c3",
  "sqlite/migrations/002.sql": "758dda7d889159306c05a7262ff43d72e63ce8b2bb724820dd381851dcc917b9",
  "sqlite/migrations/003.sql": "bcc4a06202480bd45f060d6f4034a6d443869833b0cde266b5df7e9c1c15c151",
  "sqlite/migrations/004.sql": "a0b96a64885e034448eef7343ab972c8af4fddbd645f969d655d8bd11cf97290",
  "sqlite/migrations/005.sql": "b1f5c9b6ea5ff792b37a84d01cf936d802b22ba83555cbb105b1cf5beb0942c3",
  "sqlite/migrations/006.sql": "f288edd4a5e2f942f9f821f5f5c5285656e20348be249f204b0eeb1cabbfa701",
  "sqlite/migrations/007.sql": "3b0d7df7a6048ef5e164ed293393219c5c36c4f881afb15f3ccb4556f5268e07",
  "sqlite/migrations/008.sql": "7f476e7701ed14575f7bf412504f41fc80309c7f106832e6331ad5ed4df89e0e",
  "sqlite/migrations/009.sql": "6f0e740be9575d02ba2fe6a32e067850da8eab573358bf47b264bbc142e48750",
  "sqlite/migrations/010.sql": "fca7b21a8ea5f8d085236102e57f5aa3e774744400c771f604d2156023ef06de",
  "sqlite/migrations/011.sql": "6b98a572890421d11c89b3b974a252bca95406140c9ae4730cb381d91f99a76e",
  "sqlite/migrations/012.sql": "f0163899b54a0255f41eaaae1fc01e42a12c42dc9c1e811c6fd9eaa0a50860a6",
  "sqlite/migrations/013.sql": "5ad3dd74eff2ec35999bb2f371bdfac0a5d7352c58031f3c2b7ba447747a6944",
  "sqlite/migrations/014.sql": "67df9449c96295b8c0677c0d47048fe767534e04131de212e1379adc3f82d29d",
  "sqlite/migrations/015.sql": "ab88f59aea3bbece3408055e9e740814b117b1e26b2d08797efd2bdc6fc0bae1",
  "postgres/migrations/001.sql": "0d40854d901657a784565848c6c7e968c3456a413bd4d1922ce53a83b70e5360",
  "postgres/migrations/002.sql": "6753ee51979d138cbdb1829678bf3f832f457a4dfd531483265f6a1bc4c34c8d",
  "postgres/migrations/003.sql": "3107d0b54133f1839be0f43d394fbdd847df1eb1af23b5431f9a81953b7db134",
  "postgres/migrations/004.sql": "676a0b1e863ce3daf8bf78f2c1f053039dcaf3f7ac0617e1aa879d25a9d3b0c7",
  "postgres/migrations/005.sql": "6e590f01828df90cbd4d015d61f90e6083c7c117ac779bdbe815398e7c13af83",
  "postgres/migrations/006.sql": "9bb61753d2e3eb0ebb1a7122f7a5e74da0bc6e841517c7c4b0bffdf18da93574",
  "postgres/migrations/007.sql": "fbdcdaeff969e23c4ac614fa0d81e498cabd79d0120d5fc6a908e3c99d28861a",
  "postgres/migrations/008.sql": "7f476e7701ed14575f7bf412504f41fc80309c7f106832e6331ad5ed4df89e0e",
  "postgres/migrations/009.sql": "bbf4a152bfbc7818b17cae5f495027572974589a12aa475209c2af37a0679d9d",
  "postgres/migrations/010.sql": "fca7b21a8ea5f8d085236102e57f5aa3e774744400c771f604d2156023ef06de",
  "postgres/migrations/011.sql": "5baf1e42d049b23d9009d8cf558b850951e24f275fc7b849f42bde4981638dfe",
  "postgres/migrations/012.sql": "6b33fbdbc296e5701496d6c921484025c2c121a274b267a9ff297b18bdba3b46",
  "postgres/migrations/013.sql": "4c110ba84cfbb79170f01fd6f92ed065fa405b8140e848d9e922e70850f31b86",
  "postgres/migrations/014.sql": "67df9449c96295b8c0677c0d47048fe767534e04131de212e1379adc3f82d29d",
  "postgres/migrations/015.sql": "14f51db558c58c4e73e17bb530cb59996f3c8cb90fcb2f6b7f3d68b48e545b29",
};

const engines = new URL("../../src/store/", import.meta.url);
const fixtures = new URL("fixtures/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "giraffe-landed-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digestOf = (path: string) =>
  createHash("sha256")
    .update(readFileSync(new URL(path, engines)))
    .digest("hex");
const migrationsOf = (engine: string) =>
  readdirSync(new URL(`${engine}/migrations/`, engines)).map(
    (name) => `${engine}/migrations/${name}`,
  );

test("C9: no migration is edited after it has landed", () => {
  const files = [...migrationsOf("sqlite"), ...migrationsOf("postgres")];
  expect(Object.fromEntries(files.map((path) => [path, digestOf(path)]))).toEqual(digests);
});

/**
 * Databases that servers of their time wrote, with the same users. Step 3 of SQLite was edited twice
 * within hours after it had landed, so there are three kinds of version 3. A new version needs one, too.
 */
const stored = readdirSync(fixtures).map((name) => {
  const [, engine = "", version = ""] = /^(sqlite|postgres)-(\d+)[a-z]?\./.exec(name) ?? [];
  return { name, engine, version: Number(version) };
});

test.for(["sqlite", "postgres"])("C9: there is a stored %s database of every version", (engine) => {
  const versions = stored.filter((each) => each.engine === engine).map(({ version }) => version);
  const wanted = migrationsOf(engine).map((_, index) => index + 1);
  expect([...new Set(versions)].sort((a, b) => a - b)).toEqual(wanted);
});

const organization = "69629023906488334";
const demoUser = "163840776835432705";

/** That everything in a stored database is found by how names are folded today. */
async function expectWhole(store: EventStore, isFoldedAnew: boolean) {
  const streamOf = async (userName: string) =>
    (await store.locate(userNameKey(userName)))?.stream ?? "nobody";
  const nameOf = async (stream: string) => {
    const { state } = (await store.load<HumanState>(stream, organization)) ?? {};
    return state?.kind === "present" ? state.profile.displayName : state?.kind;
  };
  const names = [
    ["gigi@giraffe.example", "ẞigi"],
    ["ISTANBUL", "First Giraffe"],
    ["STRAẞE", "Straße Giraffe"],
    ["strasse", "STRASSE Giraffe"],
    ["ΜΆΪΟΣ", "ΜΆΪΟΣ Giraffe"],
    ["OFF", "Off Giraffe"],
  ] as const;
  for (const [userName, want] of names) {
    expect(await nameOf(await streamOf(userName)), userName).toBe(want);
  }
  expect(await streamOf("gone")).toBe("nobody");
  const gigi = await store.load<HumanState>(demoUser, organization);
  const verified = { email: "gigi@giraffe.example", isEmailVerified: true };
  const account = { userName: verified.email, ...verified, phone: "", isPhoneVerified: false };
  const profile = { firstName: "Gigi", lastName: "Giraffe", nickName: "", gender: 0 };
  expect(gigi?.state).toEqual({
    ...{ kind: "present", status: "active", ...account },
    profile: { ...profile, displayName: "ẞigi", preferredLanguage: "und" },
  });
  const history = await store.history(demoUser, organization, {
    ...{ after: 0, limit: 9, ascending: true },
  });
  expect(history.map(({ type }) => type)).toEqual([
    "user.human.added",
    "user.human.profile.changed",
  ]);
  const named = { displayName: "Gigi Giraffe", preferredLanguage: "en" };
  expect(history[0]?.data).toEqual({ ...account, ...profile, ...named });

  const found = async (key: string, text: string, ignoreCase = true) => {
    const { results } = await store.search<HumanState>(organization, {
      query: { kind: "text", key, method: "equals", text, ignoreCase },
      ...{ sortBy: "userName", ascending: true, offset: 0, limit: 9 },
    });
    return results.flatMap(({ head: { state } }) =>
      state.kind === "present" ? [state.userName] : [],
    );
  };
  const both = isFoldedAnew ? ["istanbul", "İstanbul"] : ["istanbul"];
  expect((await found("userName", "İSTANBUL")).sort()).toEqual(both);
  expect(await found("firstName", "STRASSE")).toEqual(["STRASSE"]);
  expect(await found("firstName", "straße")).toEqual(["straße"]);
  expect(await found("plainFirstName", "strasse")).toEqual(["straße"]);
  expect(await found("plainDisplayName", "ssigi")).toEqual(["gigi@giraffe.example"]);
  expect(await found("plainLastName", "giraffe")).toEqual([]);
  expect(await found("state", "inactive", false)).toEqual(["off"]);
  const everybody = await store.search(organization, {
    query: { kind: "and", queries: [] },
    ...{ sortBy: undefined, ascending: true, offset: 0, limit: 9 },
  });
  // Nobody has a phone.
  expect(await found("phone", "")).toHaveLength(everybody.total);

  const change = {
    type: "add",
    userName: "İSTANBUL",
    ...{ email: "", isEmailVerified: false, phone: "", isPhoneVerified: false },
    profile: {
      ...{ firstName: "A", lastName: "B", nickName: "", displayName: "" },
      ...{ preferredLanguage: "und", gender: genders.unspecified },
    },
  } as const;
  const decide = () => {
    const { events, ...next } = advance(change, { kind: "absent" });
    return { events: events.map((event) => ({ ...event, creator: "me" })), ...next };
  };
  await expect(store.change("new", organization, decide)).rejects.toThrow(
    expect.objectContaining({ name: "UniqueKeyTakenError" }),
  );
}

/** Of `İstanbul`, who goes on without the name, and `istanbul`, who had it and keeps it. */
async function expectCollision(
  store: EventStore,
  collisions: readonly { stream: string; holder: string }[],
) {
  expect(collisions).toHaveLength(1);
  const [collision] = collisions;
  const userNameOf = async (stream = "") =>
    (await store.load<{ userName: string }>(stream, organization))?.state.userName;
  expect(await userNameOf(collision?.stream)).toBe("İstanbul");
  expect(await userNameOf(collision?.holder)).toBe("istanbul");
}

const foldedAnew = 4;

describe("a stored SQLite database", () => {
  const schema = (file: string) => {
    const db = new DatabaseSync(file, { readOnly: true });
    onTestFinished(() => db.close());
    return db.prepare("select type, name, sql from sqlite_schema order by name").all();
  };

  test.for(stored.filter(({ engine }) => engine === "sqlite"))(
    "C9, C7: $name opens, and becomes what a new one is",
    async ({ name, version }) => {
      const file = join(folder, name);
      copyFileSync(new URL(name, fixtures), file);
      const database = openSqlite(file, searchKeys, uniqueKeys);
      const store = createSqliteEventStore({ database, now: () => Date.now() * 1_000 });
      await expectWhole(store, version < foldedAnew);
      if (version < foldedAnew) await expectCollision(store, sqliteCollisions(database));
      else expect(sqliteCollisions(database)).toEqual([]);
      await store.close();

      const fresh = join(folder, `new-${name}`);
      const other = openSqlite(fresh, searchKeys, uniqueKeys);
      other.acquire();
      other.release();
      expect(schema(file)).toEqual(schema(fresh));
    },
  );
});

describe("a stored PostgreSQL database", () => {
  const schema = async (url: string) => [
    await query(
      url,
      `select table_name, column_name, data_type, collation_name, is_nullable, column_default
       from information_schema.columns where table_schema = 'public'
       order by table_name, ordinal_position`,
    ),
    await query(
      url,
      "select indexname, indexdef from pg_indexes where schemaname = 'public' order by indexname",
    ),
  ];

  test.for(stored.filter(({ engine }) => engine === "postgres"))(
    "C9, C7: $name opens, and becomes what a new one is",
    async ({ name, version }) => {
      const url = await newPostgresDatabase();
      await query(url, readFileSync(new URL(name, fixtures), "utf8"));
      const database = await openPostgres(url, searchKeys, { uniqueKeysOf: uniqueKeys });
      const store = createPostgresEventStore({ database, now: () => Date.now() * 1_000 });
      await expectWhole(store, version < foldedAnew);
      if (version < foldedAnew) await expectCollision(store, await postgresCollisions(database));
      else expect(await postgresCollisions(database)).toEqual([]);
      await store.close();

      const fresh = await newPostgresDatabase();
      const other = await openPostgres(fresh, searchKeys);
      other.acquire();
      await other.release();
      expect(await schema(url)).toEqual(await schema(fresh));
    },
  );
});
