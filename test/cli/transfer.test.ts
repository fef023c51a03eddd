import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runGiraffe, startGiraffe } from "../child.ts";
import { newPostgresDatabase } from "../postgres-database.ts";
import { callRest, createPlace, type Place } from "./serving.ts";

const user = (index: number, more: object = {}) => ({
  userId: `u${index}`,
  userName: `user-${index}@giraffe.example`,
  profile: { firstName: `First ${index}`, lastName: "Last" },
  email: { email: `user-${index}@giraffe.example`, isEmailVerified: true },
  ...more,
});
const linesOf = (users: readonly object[]) =>
  users.map((each) => `${JSON.stringify(each)}\n`).join("");

/** A database with one organization, and a file of users beside it. */
async function createInput(users: readonly object[], place = createPlace()) {
  const created = await place.administer("org", "create", "Zoo", "--json");
  const organization = String(JSON.parse(created.stdout).id);
  const file = join(place.folder, "users.ndjson");
  writeFileSync(file, linesOf(users));
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await place.administer(...argv, "--json");
    return { code, stderr, summary: stdout === "" ? undefined : JSON.parse(stdout) };
  };
  return { place, organization, file, run };
}

const exported = async (place: Place, ...flags: string[]) =>
  (await place.administer("export", ...flags)).stdout.split("\n").filter((line) => line !== "");

describe("import", () => {
  test("adds users as the API would, in the state that they are in", async () => {
    const { place, organization, file, run } = await createInput([
      user(1),
      user(2, { state: "USER_STATE_LOCKED" }),
      user(3, { state: "USER_STATE_INACTIVE", organization: undefined }),
    ]);
    expect(await run("import", file)).toMatchObject({
      code: 0,
      summary: { imported: 3, rejected: 0, doneBefore: 0, rejects: null },
    });
    const states = (await exported(place)).map((line) => JSON.parse(line));
    expect(states).toMatchObject([
      {
        userId: "u1",
        organization,
        state: "USER_STATE_ACTIVE",
        profile: { displayName: "First 1 Last" },
      },
      { userId: "u2", state: "USER_STATE_LOCKED" },
      { userId: "u3", state: "USER_STATE_INACTIVE" },
    ]);
  });

  test("says of each line that it rejects why, and imports the others", async () => {
    const { file, run } = await createInput([user(1)]);
    const lines = [
      "{",
      "[]",
      "",
      JSON.stringify({ ...user(2), nope: 1 }),
      JSON.stringify({ ...user(3), profile: { firstName: "", lastName: "x" } }),
      JSON.stringify({ ...user(4), password: "secret" }),
      JSON.stringify({ ...user(5), organization: "404" }),
      JSON.stringify({ ...user(6), state: "USER_STATE_INITIAL" }),
      JSON.stringify({ ...user(7), userId: "" }),
      JSON.stringify({ ...user(8), userId: "u1" }),
      JSON.stringify({ ...user(9), userName: "USER-1@giraffe.example" }),
      `"${"x".repeat(70_000)}"`,
      JSON.stringify(user(10)),
    ];
    appendFileSync(file, lines.join("\n"));
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 2, rejected: 11, rejects: `${file}.rejected` },
    });
    const rejected = readFileSync(`${file}.rejected`, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const reasons = Object.fromEntries(rejected.map(({ line, reason }) => [line, reason]));
    expect(reasons).toEqual({
      2: expect.stringContaining("JSON"),
      3: "the line is not a JSON object",
      5: expect.stringContaining('"nope" is unknown'),
      6: expect.stringContaining("ImportHumanUserRequest_Profile.FirstName"),
      7: "field password is not supported",
      8: 'there is no organization "404"',
      9: "state is none of USER_STATE_ACTIVE, USER_STATE_INACTIVE, USER_STATE_LOCKED",
      10: "userId is not a text of 1 to 200 characters",
      11: 'the id "u1" is taken',
      12: "the user name is taken",
      13: "the line is longer than 65536 bytes",
    });
    expect(rejected[0]).toMatchObject({ line: 2, text: "{" });
  });

  test("does what is done once, goes on with what is new, and begins anew with what was changed", async () => {
    const { file, run } = await createInput([user(1), user(2)]);
    await run("import", file);
    expect((await run("import", file)).summary).toMatchObject({ imported: 0, doneBefore: 2 });
    appendFileSync(file, linesOf([user(3)]));
    expect((await run("import", file)).summary).toMatchObject({ imported: 1, doneBefore: 2 });
    writeFileSync(file, linesOf([user(1), user(4)]));
    const changed = await run("import", file);
    expect(changed.summary).toMatchObject({ imported: 1, rejected: 1 });
  });

  test("goes on where a kill broke it off: every user once", { timeout: 120_000 }, async () => {
    const users = Array.from({ length: 30_000 }, (_, index) => user(index));
    const { place, file, run } = await createInput(users);
    for (const afterMs of [300, 450, 600]) {
      const program = startGiraffe(["import", file, "--database", place.database]);
      await sleep(afterMs);
      program.kill("SIGKILL");
      await program.ended;
    }
    const { code, summary } = await run("import", file);
    expect(code).toBe(0);
    expect(summary.imported + summary.doneBefore).toBe(users.length);
    const ids = (await exported(place)).map((line) => JSON.parse(line).userId);
    expect(ids).toEqual(users.map(({ userId }) => userId).sort());
  });

  test("works beside a server, which sees each user at once", async () => {
    const place = createPlace();
    const server = await place.serve();
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf([user(1)]));
    expect((await place.administer("import", file)).stdout).toBe("imported 1 users\n");
    const url = `${server.url}/management/v1/users/u1/profile`;
    expect(await callRest("GET", url, place.token())).toMatchObject({ status: 200 });
  });

  test("reads stdin", async () => {
    const { place } = await createInput([]);
    const program = await runGiraffe("import", "-", "--database", place.database);
    expect(program).toMatchObject({ code: 0, stdout: "imported 0 users\n" });
  });

  test("says which file cannot be read", async () => {
    const { run } = await createInput([]);
    expect(await run("import", "/no/such/file")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot read /no/such/file"),
    });
  });

  test("works on PostgreSQL, too", async () => {
    const { place, file, run } = await createInput(
      [user(1), user(2, { state: "USER_STATE_LOCKED" }), user(1)],
      createPlace(await newPostgresDatabase()),
    );
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 2, rejected: 1 },
    });
    expect(await exported(place)).toHaveLength(2);
  });
});

describe("export", () => {
  test("gives what an import of it gives again", async () => {
    const text = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .map((each) => each.replaceAll("\0", ""));
    const name = text.filter((each) => each.trim() === each && each !== "");
    const users = fc.sample(
      fc.record({
        profile: fc.record({
          firstName: name,
          lastName: name,
          nickName: text,
          displayName: name,
          preferredLanguage: fc.constantFrom("", "de", "pt-BR", "xx"),
          gender: fc.constantFrom("GENDER_UNSPECIFIED", "GENDER_DIVERSE"),
        }),
        phone: fc.option(fc.constant({ phone: "+41 71 000 00 00" }), { nil: undefined }),
        state: fc.constantFrom("USER_STATE_ACTIVE", "USER_STATE_LOCKED", "USER_STATE_INACTIVE"),
      }),
      { numRuns: 300, seed: 42 },
    );
    const { place, organization, file, run } = await createInput(
      users.map((each, index) => user(index, each)),
    );
    expect((await run("import", file)).summary).toMatchObject({ imported: 300 });
    const first = await exported(place);
    expect(first).toHaveLength(300);

    const again = await createInput([]);
    const renamed = first.map((line) => line.replaceAll(organization, again.organization));
    writeFileSync(again.file, `${renamed.join("\n")}\n`);
    expect((await again.run("import", again.file)).summary).toMatchObject({ imported: 300 });
    expect(await exported(again.place)).toEqual(renamed);
  });

  test("can be of one organization", async () => {
    const { place, organization, file, run } = await createInput([user(1)]);
    await run("import", file);
    expect(await exported(place, "--org", organization)).toHaveLength(1);
    expect(await exported(place, "--org", "another")).toEqual([]);
  });
});

describe("backup", () => {
  test("of a server under load holds every change that was answered before", async () => {
    const place = createPlace();
    const file = join(place.folder, "copy.db");
    const server = await place.serve("--demo");
    const url = `${server.url}/management/v1/users/163840776835432705/profile`;
    const token = place.token();
    const rename = (displayName: string) =>
      callRest("PUT", url, token, { firstName: "Gigi", lastName: "Giraffe", displayName });
    const before = await rename("before the backup");
    let isOver = false;
    const load = (async () => {
      for (let index = 0; !isOver; index += 1) await rename(`during ${index}`);
    })();
    const backup = await place.administer("backup", file);
    isOver = true;
    await load;
    expect(backup).toMatchObject({ code: 0, stdout: `backed up to ${file}\n` });

    const copy = new DatabaseSync(file, { readOnly: true });
    const head = copy.prepare("select version from heads").get();
    copy.close();
    expect(before.body).toMatchObject({ details: { sequence: "2" } });
    expect(Number(head?.version)).toBeGreaterThanOrEqual(2);

    const second = startGiraffe([
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--database",
      `sqlite:${file}`,
    ]);
    const [, address = ""] = await second.until("stdout", /^ready (\S+)\n/m);
    const read = await callRest(
      "GET",
      `${address}/management/v1/users/163840776835432705/profile`,
      token,
    );
    expect(read).toMatchObject({ status: 200 });
    second.kill("SIGTERM");
    await second.ended;
  });

  test("replaces no file, and is of SQLite only", async () => {
    const { place } = await createInput([]);
    const file = join(place.folder, "users.ndjson");
    expect(await place.administer("backup", file)).toMatchObject({
      code: 1,
      stderr: `giraffe: ${file} exists already\n`,
    });
    const url = await newPostgresDatabase();
    expect(await runGiraffe("backup", `${file}.copy`, "--database", url)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("pg_dump"),
    });
  });
});
