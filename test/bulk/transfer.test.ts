import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { callRest, createPlace, type Place, profileUrl } from "../cli/serving.ts";
import { root, runGiraffe, runProgram, startGiraffe } from "../support/child.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";

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

const pathOf = ({ database }: Place) => database.replace(/^sqlite:/, "");

/** Run a line of shell: `$0 $1` is the program, `$2` the database, `$3` a file. */
const runShell = (line: string, place: Place, file = "") =>
  runProgram("sh", [
    ...["-c", line, process.execPath, join(root, "src/main.js"), place.database, file],
  ]);
const importStdin = (place: Place, file: string) =>
  runShell('exec "$0" "$1" import - --database "$2" < "$3"', place, file);

/** Look again and again how many lines of the only import are done. */
function progressOf(place: Place): () => number {
  const db = new DatabaseSync(pathOf(place), { readOnly: true });
  onTestFinished(() => db.close());
  const select = db.prepare("select lines from imports");
  return () => Number(select.get()?.lines ?? 0);
}

/** All of a database that two imports of the same lines have in common. */
function contentsOf(place: Place): unknown {
  const db = new DatabaseSync(pathOf(place), { readOnly: true });
  try {
    return [
      "select name, iif(stream like 'u%', stream, '') from claims order by name",
      `select state, version, iif(stream like 'u%', stream, '') from heads order by state`,
      "select version, type, data, creator from events order by data, version",
    ].map((query) => db.prepare(query).all());
  } finally {
    db.close();
  }
}

type Reject = { readonly line: number; readonly reason: string; readonly text: string };
const rejectsOf = (file: string): Reject[] =>
  readFileSync(`${file}.rejected`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const underWay = (file: string) =>
  `giraffe: another import of ${file} is under way: let it end, then run the same command again\n`;

const withoutNul = (text: string) => text.replaceAll("\0", "0");

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
      `"${"x".repeat(8_400_000)}"`,
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
      9: "state must be one of USER_STATE_ACTIVE, USER_STATE_INACTIVE, USER_STATE_LOCKED",
      10: "userId is not a text of 1 to 200 characters",
      11: 'the id "u1" is taken',
      12: "the user name is taken",
      13: "the line is longer than 8388608 bytes",
    });
    expect(rejected[0]).toMatchObject({ line: 2, text: "{" });
  });

  test("imports each line once, continues with new lines, and starts again if imported lines have changed", async () => {
    const { file, run } = await createInput([user(1), user(2)]);
    await run("import", file);
    expect((await run("import", file)).summary).toMatchObject({ imported: 0, doneBefore: 2 });
    appendFileSync(file, linesOf([user(3)]));
    expect((await run("import", file)).summary).toMatchObject({ imported: 1, doneBefore: 2 });
    writeFileSync(file, linesOf([user(1), user(4)]));
    const changed = await run("import", file);
    expect(changed.summary).toMatchObject({ imported: 1, rejected: 1 });
  });

  test("leads to the same as without kills, however often it is killed", async () => {
    const users = Array.from({ length: 40_000 }, (_, index) =>
      index % 3 === 0 ? { ...user(index), userId: undefined } : user(index),
    );
    const bad = [{ ...user(1), password: "secret" }, { userId: "u2" }, user(7)];
    const lines = users.flatMap((each, index) => (index % 1_000 === 999 ? [each, ...bad] : [each]));
    const whole = await createInput(lines);
    expect((await whole.run("import", whole.file)).summary).toMatchObject({
      imported: 40_000,
      rejected: 120,
    });

    const broken = await createInput(lines);
    const linesDone = progressOf(broken.place);
    let done = 0;
    for (let kills = 0; kills < 3 && done < lines.length; kills += 1) {
      const program = startGiraffe(["import", broken.file, "--database", broken.place.database]);
      while (linesDone() === done) await sleep(1);
      program.kill("SIGKILL");
      await program.ended;
      done = linesDone();
    }
    const { summary } = await broken.run("import", broken.file);
    expect(summary.doneBefore + summary.triedAgain).toBe(done);
    expect(summary.rejected).toBe(120);
    expect(rejectsOf(broken.file)).toEqual(rejectsOf(whole.file));
    expect(contentsOf(broken.place)).toEqual(contentsOf(whole.place));
    expect(linesDone()).toBe(lines.length);
  });

  test("works beside a server, which sees each user at once", async () => {
    const place = createPlace();
    const server = await place.serve();
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf([user(1)]));
    expect((await place.administer("import", file)).stdout).toBe("imported 1 user\n");
    const url = `${server.url}/management/v1/users/u1/profile`;
    expect(await callRest("GET", url, place.token())).toMatchObject({ status: 200 });
  });

  test("lets a loaded server go on, and comes to its end beside it", async () => {
    const place = createPlace();
    const server = await place.serve("--demo");
    const url = profileUrl(server);
    const token = place.token();
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf(Array.from({ length: 20_000 }, (_, index) => user(index))));
    let isOver = false;
    const load = Array.from({ length: 8 }, async (_, client) => {
      let updates = 0;
      while (!isOver) {
        const displayName = `${client} ${updates}`;
        const profile = { firstName: "Gigi", lastName: "Giraffe", displayName };
        expect(await callRest("PUT", url, token, profile)).toMatchObject({ status: 200 });
        updates += 1;
      }
      return updates;
    });
    const { stdout } = await place.administer("import", file);
    isOver = true;
    const updates = await Promise.all(load);
    expect(stdout).toBe("imported 20000 users\n");
    expect(await callRest("GET", url, token)).toMatchObject({
      body: { details: { sequence: String(1 + updates.reduce((a, b) => a + b)) } },
    });
  });

  test("reads stdin, too, and continues where it stopped", async () => {
    const { place, file } = await createInput([user(1), { userId: "u2" }]);
    expect(await importStdin(place, file)).toEqual({
      code: 1,
      stdout:
        "imported 1 user, rejected 1 line, see above\n" +
        "run the same command to try the rejected lines again\n",
      stderr: expect.stringMatching(/^\{"line":2,"reason":".+","text":".+"\}\n$/),
    });
    appendFileSync(file, linesOf([user(3)]));
    expect(await importStdin(place, file)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^imported 1 user, 1 line was done before, 1 rejected line was tried again, rejected 1 line, /,
      ),
      stderr: expect.stringMatching(/^\{"line":2,"reason":".+","text":".+"\}\n$/),
    });
    writeFileSync(file, linesOf([user(1), user(4)]));
    expect(await importStdin(place, file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("stdin begins like an input that was imported before"),
    });
  });

  test("C11: a run has the rejects that a kill has kept from the file, which only its owner reads", async () => {
    const { file, run } = await createInput([user(1), user(1)]);
    await run("import", file);
    writeFileSync(`${file}.rejected`, '{"line":2,"rea', { mode: 0o644 });
    chmodSync(`${file}.rejected`, 0o644);
    appendFileSync(file, linesOf([user(2), user(2)]));
    expect((await run("import", file)).summary).toMatchObject({ imported: 1, rejected: 2 });
    const all = readFileSync(`${file}.rejected`, "utf8");
    expect(all).toMatch(/^\{"line":2,.*\}\n\{"line":4,.*\}\n$/);
    expect(statSync(`${file}.rejected`).mode & 0o777).toBe(0o600);
  });

  test("C11: the same command tries rejected lines again, until there are none", async () => {
    const { place, file, run } = await createInput([
      user(1),
      user(2, { organization: "park" }),
      user(3, { organization: "lake" }),
      user(4),
    ]);
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 2, rejected: 2, doneBefore: 0, triedAgain: 0 },
    });
    await place.administer("org", "create", "Park", "--id", "park");
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 1, rejected: 1, doneBefore: 2, triedAgain: 2 },
    });
    expect(rejectsOf(file)).toEqual([
      expect.objectContaining({ line: 3, reason: 'there is no organization "lake"' }),
    ]);
    expect((await place.administer("import", file)).stdout).toBe(
      `imported 0 users, 3 lines were done before, 1 rejected line was tried again, rejected 1 line, see ${file}.rejected\n` +
        `run the same command to try the rejected lines again, or correct them in ${file}.rejected and import that file\n`,
    );
    await place.administer("org", "create", "Lake", "--id", "lake");
    appendFileSync(file, linesOf([user(5, { organization: "lake" })]));
    expect(await run("import", file)).toMatchObject({
      code: 0,
      summary: { imported: 2, rejected: 0, doneBefore: 3, triedAgain: 1, rejects: null },
    });
    expect(existsSync(`${file}.rejected`)).toBe(false);
    expect(await run("import", file)).toMatchObject({
      code: 0,
      summary: { imported: 0, rejected: 0, doneBefore: 5, triedAgain: 0, rejects: null },
    });
    expect(await exported(place)).toHaveLength(5);
  });

  test("C11: rejected lines can be imported, mended or as they are", async () => {
    const { place, file, run } = await createInput([
      user(1),
      user(2, { organization: "park" }),
      user(3, { email: { email: "none" } }),
    ]);
    await run("import", file);
    const rejected = `${file}.rejected`;
    await place.administer("org", "create", "Park", "--id", "park");
    expect(await run("import", rejected)).toMatchObject({
      code: 1,
      summary: { imported: 1, rejected: 1, rejects: `${rejected}.rejected` },
    });
    const [still] = rejectsOf(rejected);
    expect(still).toMatchObject({ line: 2, reason: expect.stringContaining("email") });
    expect(JSON.parse(still?.text ?? "")).toMatchObject({ userId: "u3" });
    const mended = readFileSync(`${rejected}.rejected`, "utf8").replace(
      "none",
      "u3@giraffe.example",
    );
    const last = join(place.folder, "mended.ndjson");
    writeFileSync(last, `${mended}${JSON.stringify(user(4, { organization: "park" }))}\n`);
    expect(await run("import", last)).toMatchObject({
      code: 1,
      summary: { imported: 1, rejected: 1 },
    });
    expect(rejectsOf(last)[0]?.reason).toBe("organization is missing, and there is more than one");
  });

  test("C11: a rejected line whose text is not whole stays rejected, however often it is imported", async () => {
    const { place, file, run } = await createInput([]);
    const latin1 = Buffer.from(
      JSON.stringify(user(1, { nick: "" })).replace("Last", "L\xe4st"),
      "latin1",
    );
    const newLine = Buffer.from("\n");
    writeFileSync(file, Buffer.concat([latin1, newLine, Buffer.alloc(8_400_000, "x"), newLine]));
    let input = file;
    for (let again = 0; again < 3; again += 1) {
      expect(await run("import", input)).toMatchObject({
        code: 1,
        summary: { imported: 0, rejected: 2 },
      });
      expect(rejectsOf(input)).toMatchObject([
        {
          line: 1,
          reason: "the line is not valid UTF-8",
          text: expect.stringContaining("L\ufffdst"),
        },
        { line: 2, reason: "the line is longer than 8388608 bytes", text: "" },
      ]);
      input = `${input}.rejected`;
    }
    expect(await exported(place)).toEqual([]);
  });

  test.for<{ name: string; text: string }>([
    { name: "a byte order mark", text: `\ufeff${linesOf([user(1), user(2)])}` },
    {
      name: "a byte order mark within, of files put together",
      text: `${linesOf([user(1)])}\ufeff${linesOf([user(2)])}`,
    },
    { name: "Windows' ends of lines", text: linesOf([user(1), user(2)]).replaceAll("\n", "\r\n") },
    { name: "empty lines", text: `\n${linesOf([user(1)])}\r\n \n${linesOf([user(2)])}\n\ufeff\n` },
    { name: "no end of the last line", text: linesOf([user(1), user(2)]).trimEnd() },
  ])("C11: $name costs no line", async ({ text }) => {
    const { place, file, run } = await createInput([]);
    writeFileSync(file, text);
    expect(await run("import", file)).toMatchObject({
      code: 0,
      summary: { imported: 2, rejected: 0, rejects: null },
    });
    expect(await exported(place)).toHaveLength(2);
  });

  test.for<{ name: string; database: () => Promise<string | undefined> }>([
    { name: "SQLite", database: async () => undefined },
    { name: "PostgreSQL", database: newPostgresDatabase },
  ])("C11: two imports of one file at once reject none of its lines, on $name", async (row) => {
    const users = Array.from({ length: 12_000 }, (_, index) => user(index));
    const { place, file, run } = await createInput(users, createPlace(await row.database()));
    const both = await Promise.all([run("import", file), run("import", file)]);
    for (const { code, stderr, summary } of both) {
      if (code === 0) expect(summary).toMatchObject({ rejected: 0, rejects: null });
      else expect({ code, stderr }).toEqual({ code: 1, stderr: underWay(file) });
    }
    expect(both.map(({ code }) => code)).toContain(0);
    expect(await run("import", file)).toMatchObject({
      code: 0,
      summary: { imported: 0, doneBefore: 12_000, rejected: 0, rejects: null },
    });
    expect(existsSync(`${file}.rejected`)).toBe(false);
    expect(await exported(place)).toHaveLength(12_000);
  });

  test("C11: whoever is overtaken leaves the rejects of the other alone, and the next run has them all", async () => {
    const { file, run } = await createInput(
      Array.from({ length: 12_000 }, (_, index) => user(index % 2 === 0 ? index : 0)),
    );
    const both = await Promise.all([run("import", file), run("import", file)]);
    const failures = both.filter(({ summary }) => summary === undefined);
    for (const { stderr } of failures) expect(stderr).toBe(underWay(file));
    expect(failures.length).toBeLessThan(2);
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 0, doneBefore: 6_000, triedAgain: 6_000, rejected: 6_000 },
    });
    const lines = rejectsOf(file).map(({ line }) => line);
    expect(lines).toEqual(Array.from({ length: 6_000 }, (_, index) => 2 + 2 * index));
  });

  test("C11: says when it starts again, and tries each line once", async () => {
    const { file, run } = await createInput([user(1), { userId: "u2" }, user(3)]);
    await run("import", file);
    writeFileSync(file, linesOf([user(1), { userId: "u2" }, user(4)]));
    expect(await run("import", file)).toMatchObject({
      code: 1,
      summary: { imported: 1, rejected: 2, doneBefore: 0, triedAgain: 0 },
      stderr: `${file} differs in lines that were imported before: starting again from the first line\n`,
    });
    expect(rejectsOf(file).map(({ line }) => line)).toEqual([1, 2]);
  });

  test("begins only if there is an organization, and a place for rejects", async () => {
    const place = createPlace();
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf([user(1)]));
    writeFileSync(pathOf(place), "");
    expect(await place.administer("import", file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no organization"),
    });
    await place.administer("org", "create", "Zoo");
    mkdirSync(`${file}.rejected`);
    expect(await place.administer("import", file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot write ${file}.rejected`),
    });
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
  test("gives what an import of it into an empty database gives again", async () => {
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).map(withoutNul);
    const line = fc.record({
      verbatim: fc.constant(true),
      profile: fc.record({
        firstName: name,
        lastName: name,
        nickName: name,
        displayName: name,
        preferredLanguage: fc.constantFrom("und", "de", "pt-BR", "iw"),
        gender: fc.constantFrom("GENDER_UNSPECIFIED", "GENDER_DIVERSE"),
      }),
      phone: fc.option(fc.constant({ phone: "+41 71 000 00 00" }), { nil: undefined }),
      state: fc.constantFrom("USER_STATE_ACTIVE", "USER_STATE_LOCKED", "USER_STATE_INACTIVE"),
      organization: fc.constantFrom("zoo", "park"),
    });
    const inTwoOrganizations = async () => {
      const place = createPlace();
      await place.administer("org", "create", "Zoo", "--id", "zoo");
      await place.administer("org", "create", "Park", "--id", "park");
      return place;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 300 }), async (some) => {
        const [place, again] = [await inTwoOrganizations(), await inTwoOrganizations()];
        const file = join(place.folder, "users.ndjson");
        writeFileSync(file, linesOf(some.map((each, index) => user(index, each))));
        expect((await place.administer("import", file)).code).toBe(0);
        const first = await exported(place);
        expect(first).toHaveLength(some.length);
        writeFileSync(file, `${first.join("\n")}\n`);
        expect((await again.administer("import", file)).code).toBe(0);
        expect(await exported(again)).toEqual(first);
      }),
      { numRuns: 2 },
    );
  });

  test.for([
    { name: "SQLite", database: async () => undefined },
    { name: "PostgreSQL", database: newPostgresDatabase },
  ])("carries metadata, also as much as a user may have, on $name", async ({ database }) => {
    const inPlace = async () => {
      const place = createPlace(await database());
      await place.administer("org", "create", "Zoo", "--id", "zoo");
      return place;
    };
    const value = (bytes: number) => randomBytes(bytes).toString("base64");
    const metadata = (sizes: readonly number[]) =>
      sizes.map((bytes, index) => ({
        key: `k${String(index).padStart(3, "0")}`,
        value: value(bytes),
      }));
    const users = [
      user(1),
      user(2, { metadata: metadata([1, 10, 1_000]) }),
      user(3, { metadata: metadata(Array(1_000).fill(3_990)) }),
      user(4, { metadata: metadata(Array(7).fill(500_000)), state: "USER_STATE_LOCKED" }),
      user(5, { metadata: metadata(Array(9).fill(500_000)) }),
    ];
    const [place, again] = [await inPlace(), await inPlace()];
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf(users));
    expect((await place.administer("import", file)).code).toBe(1);
    expect(rejectsOf(file)).toMatchObject([
      { line: 5, reason: "the user would have too much metadata" },
    ]);
    const first = await exported(place);
    expect(first.map((line) => JSON.parse(line).metadata)).toEqual(
      users.slice(0, 4).map((each) => (each as { metadata?: object }).metadata),
    );
    writeFileSync(file, `${first.join("\n")}\n`);
    expect((await again.administer("import", file)).code).toBe(0);
    expect(await exported(again)).toEqual(first);
  });

  test("carries a changed user name, address and phone, verified or not", async () => {
    const [place, again] = [createPlace(), createPlace()];
    const server = await place.serve();
    const file = join(place.folder, "users.ndjson");
    writeFileSync(file, linesOf([user(1), user(2), user(3, { phone: { phone: "+41441234567" } })]));
    await place.administer("import", file);
    const change = async (verb: string, path: string, body?: Record<string, unknown>) => {
      const url = `${server.url}/management/v1/users/${path}`;
      expect(await callRest(verb, url, place.token(), body)).toMatchObject({ status: 200 });
    };
    await change("PUT", "u1/username", { userName: " Gigi " });
    await change("PUT", "u1/email", { email: "g@giraffe.example", isEmailVerified: true });
    await change("PUT", "u1/phone", { phone: "+41710000000", isPhoneVerified: true });
    await change("PUT", "u2/email", { email: "o@giraffe.example" });
    await change("PUT", "u2/phone", { phone: "+41710000000" });
    await change("DELETE", "u3/phone");

    const lines = await exported(place);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        userName: " Gigi ",
        verbatim: true,
        email: { email: "g@giraffe.example", isEmailVerified: true },
        phone: { phone: "+41710000000", isPhoneVerified: true },
      },
      { email: { email: "o@giraffe.example" }, phone: { phone: "+41710000000" } },
      { email: user(3).email },
    ]);
    expect(lines.filter((line) => line.includes("isEmailVerified"))).toHaveLength(2);
    expect(lines.filter((line) => line.includes("isPhoneVerified"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('"phone"'))).toHaveLength(2);
    writeFileSync(file, `${lines.join("\n")}\n`);
    await again.administer("org", "create", "Giraffe", "--id", "69629023906488334");
    expect((await again.administer("import", file)).code).toBe(0);
    expect(await exported(again)).toEqual(lines);
  });

  test("can be of one organization, which must exist", async () => {
    const { place, organization, file, run } = await createInput([user(1)]);
    await run("import", file);
    expect(await place.administer("export", "--org", organization)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"userId":"u1"'),
      stderr: "exported 1 user\n",
    });
    const other = JSON.parse((await place.administer("org", "create", "Other", "--json")).stdout);
    expect(await place.administer("export", "--org", other.id, "--json")).toEqual({
      code: 0,
      stdout: "",
      stderr: '{"exported":0}\n',
    });
    expect(await place.administer("export", "--org", "404")).toMatchObject({
      code: 1,
      stderr: 'giraffe: there is no organization "404"\n',
    });
  });

  test("says so when nobody reads it to the end", async () => {
    const { place, file, run } = await createInput(
      Array.from({ length: 3_000 }, (_, index) => user(index)),
    );
    await run("import", file);
    const { stdout, stderr } = await runShell(
      '"$0" "$1" export --database "$2" | head -n 1',
      place,
    );
    expect(stdout).toMatch(/^\{.*\}\n$/);
    expect(stderr).toBe("giraffe: write EPIPE\n");
  });
});

describe("backup", () => {
  test("of a server under load holds every change that was answered before", async () => {
    const place = createPlace();
    const file = join(place.folder, "copy.db");
    const server = await place.serve("--demo");
    const url = profileUrl(server);
    const token = place.token();
    let answered = 0;
    let isOver = false;
    const load = (async () => {
      for (let index = 0; !isOver; index += 1) {
        const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: `Gigi ${index}` };
        const { body } = await callRest("PUT", url, token, profile);
        answered = Number((body.details as { sequence: string }).sequence);
      }
    })();
    while (answered < 20) await sleep(1);
    const answeredBefore = answered;
    const backup = await place.administer("backup", file);
    isOver = true;
    await load;
    expect(backup).toMatchObject({ code: 0, stdout: `backed up to ${file}\n` });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(place.folder).filter((name) => name.startsWith("copy"))).toEqual([
      "copy.db",
    ]);

    const second = startGiraffe([
      ...["serve", "--listen", "127.0.0.1:0", "--database", `sqlite:${file}`],
    ]);
    const [, address = ""] = await second.until("stdout", /^ready (\S+)\n/m);
    const read = await callRest("GET", profileUrl({ url: address }), token);
    second.kill("SIGTERM");
    await second.ended;
    const version = Number((read.body.details as { sequence: string }).sequence);
    expect(version).toBeGreaterThanOrEqual(answeredBefore);
    const copy = new DatabaseSync(file, { readOnly: true });
    expect(copy.prepare("select count(*) as events from events").get()).toEqual({
      events: version,
    });
    copy.close();
  });

  test("of a damaged database is none", async () => {
    const { place, file, run } = await createInput(
      Array.from({ length: 1_000 }, (_, index) => user(index)),
    );
    await run("import", file);
    const database = pathOf(place);
    const bytes = readFileSync(database);
    bytes.fill("giraffe", bytes.byteLength / 2, bytes.byteLength / 2 + 4_096);
    writeFileSync(database, bytes);
    const copy = join(place.folder, "copy.db");
    expect(await place.administer("backup", copy)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^giraffe: cannot back up to .*: the copy is damaged/),
    });
    expect(readdirSync(place.folder).filter((name) => name.startsWith("copy"))).toEqual([]);
  });

  test("replaces no file, and is of SQLite only", async () => {
    const { place, file } = await createInput([]);
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

test.for([["export"], ["import", "-"], ["backup", "copy.db"]])(
  "%s names a database that is not there, and creates none",
  async (argv) => {
    const place = createPlace();
    expect(await place.administer(...argv)).toEqual({
      code: 1,
      stdout: "",
      stderr: `giraffe: there is no database ${pathOf(place)}: serve and org create make one\n`,
    });
    expect(readdirSync(place.folder)).toEqual([]);
  },
);
