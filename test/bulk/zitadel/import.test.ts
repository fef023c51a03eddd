import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { createPlace, type Place } from "../../cli/serving.ts";
import { startGiraffe } from "../../support/child.ts";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { eventsFile, exportFile, present, usersFile } from "../../support/zitadel/files.ts";
import { makeWorld, type World } from "../../support/zitadel/world.ts";
import { expectHistory, expectMetadata, expectPeople, serveImported } from "./served.ts";

const engines = [
  { engine: "SQLite", open: async () => createPlace() },
  { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
];

const forms = {
  "zitadel-export": exportFile,
  "zitadel-users": usersFile,
  "zitadel-events": (file: string, world: World) => eventsFile(file, world.events),
} as const;
type Form = keyof typeof forms;
const formNames = Object.keys(forms) as Form[];
const cases = engines.flatMap((engine) => formNames.map((form) => ({ ...engine, form })));

/** Each life is the same as in an instance with more people. 10,000 take some minutes. */
const people = Number(process.env.GIRAFFE_TEST_PEOPLE ?? 400);

/** An empty database with an organization, as `serve` leaves it. */
async function opened(open: () => Promise<Place>) {
  const place = await open();
  await place.administer("org", "create", "Zoo");
  const file = join(place.folder, "input");
  const run = async (form: Form, ...more: string[]) => {
    const ended = await place.administer("import", "--from", form, file, "--json", ...more);
    const { code, stdout, stderr } = ended;
    return { code, stderr, summary: stdout === "" ? undefined : JSON.parse(stdout) };
  };
  return { place, file, run };
}

describe("import --from", () => {
  test.for(cases)("$form makes the same people, on $engine", async ({ form, open }) => {
    const world = makeWorld({ people });
    const { place, file, run } = await opened(open);
    forms[form](file, world);
    const { code, summary } = await run(form);
    expect({ code, summary }).toMatchObject({
      code: 0,
      summary: { imported: present(world).length, changed: 0, rejected: 0, rejects: null },
    });
    const served = await serveImported(place);
    await expectPeople(served, world, { withOrigin: form !== "zitadel-export" });
    await expectMetadata(served, world);
    if (form === "zitadel-events") await expectHistory(served, world, 5);
  });

  test.for(cases)("$form catches up in a second run, on $engine", async ({ form, open }) => {
    const { place, file, run } = await opened(open);
    const before = makeWorld({ people: 200 });
    forms[form](file, before);
    await run(form);
    const world = makeWorld({ people: 230, later: 2 });
    forms[form](file, world);
    const { code, summary } = await run(form);
    expect({ code, summary }).toMatchObject({ code: 0, summary: { rejected: 0 } });
    expect(summary.changed).toBeGreaterThan(50);
    const again = await run(form);
    expect(again.summary).toMatchObject({ imported: 0, changed: 0, rejected: 0 });
    const served = await serveImported(place);
    if (form === "zitadel-events") {
      await expectPeople(served, world, { withOrigin: true });
      await expectMetadata(served, world);
      await expectHistory({ ...served }, withoutReused(world), 3);
    } else await expectPeople(served, withGone(before, world), { withOrigin: false });
  });

  test("counts what is not taken, by kind, and takes the people all the same", async () => {
    const world = makeWorld({ people });
    const { file, run } = await opened(engines[0]?.open ?? (async () => createPlace()));
    forms["zitadel-export"](file, world);
    const machines = world.people.filter((each) => each.isMachine);
    expect((await run("zitadel-export")).summary.notTaken).toEqual({
      domains: 4,
      "password hashes": present(world).filter(({ shown }) => shown.state === "active").length,
      "service accounts": machines.length,
      "links to identity providers": 6,
    });
    forms["zitadel-events"](file, world);
    const { notTaken } = (await run("zitadel-events")).summary;
    const gone = world.people.filter(({ shown, isMachine }) => shown === undefined && !isMachine);
    expect(notTaken).toMatchObject({
      "service accounts": machines.length,
      "removed people": gone.length,
    });
    expect(Object.keys(notTaken)).toEqual(
      expect.arrayContaining(["password hashes", "passkeys", "avatars", "addresses"]),
    );
  });

  test("goes on where it was killed, and everybody is there once", async () => {
    const world = makeWorld({ people: 12_000 });
    const people = present(world).length;
    // On a busy machine an import may be over before it is killed. Then another one is.
    for (let doneBefore = people; doneBefore === people; ) {
      const { place, file, run } = await opened(async () => createPlace());
      forms["zitadel-users"](file, world);
      const argv = ["import", "--from", "zitadel-users", file, "--database", place.database];
      const killed = startGiraffe(argv);
      const linesDone = progressOf(place.database.replace("sqlite:", ""));
      while (linesDone() === 0) await sleep(5);
      killed.kill("SIGKILL");
      await killed.ended;
      const { summary } = await run("zitadel-users");
      expect(summary).toMatchObject({ rejected: 0, changed: 0 });
      doneBefore = summary.doneBefore;
      expect(summary.imported + doneBefore).toBe(people);
      const lines = (await place.administer("export")).stdout.trim().split("\n");
      expect(lines).toHaveLength(people);
    }
  });

  test("stores no secret of the log", async () => {
    const { place, file, run } = await opened(async () => createPlace());
    forms["zitadel-events"](file, makeWorld({ people: 120 }));
    expect(readFileSync(file, "utf8")).toContain("not-a-real-hash");
    await run("zitadel-events");
    const stored = readFileSync(place.database.replace("sqlite:", ""), "latin1");
    expect(stored).toContain("giraffe.example");
    for (const secret of ["not-a-real-hash", "c2VjcmV0"]) expect(stored).not.toContain(secret);
  });

  test("rejects what is no person with a reason, and takes it when it is mended", async () => {
    const { place, file, run } = await opened(async () => createPlace());
    const world = makeWorld({ people: 40 });
    forms["zitadel-users"](file, world);
    const [first = ""] = readFileSync(file, "utf8").split("\n");
    const broken = { ...JSON.parse(first), id: "1", username: "mended", state: 9 };
    const noEmail = { ...broken, id: "2", state: 1, email: null };
    appendFileSync(file, `${JSON.stringify(broken)}\nnot JSON\n${JSON.stringify(noEmail)}\n`);
    const { code, summary } = await run("zitadel-users");
    expect({ code, summary }).toMatchObject({
      code: 1,
      summary: { imported: present(world).length, rejected: 3 },
    });
    const rejects = readFileSync(`${file}.rejected`, "utf8").trim().split("\n");
    const [state, json, email] = rejects.map((line) => JSON.parse(line));
    expect(state.reason).toMatch(/^line \d+: the state is unknown$/);
    expect(json.reason).toMatch(/^line \d+: .*JSON/);
    expect(email.reason).toContain("Email");
    const text = email.text.replace('"email":""', '"email":"mended@giraffe.example"');
    writeFileSync(file, `${JSON.stringify({ ...email, text })}\n`);
    const mended = await place.administer("import", file, "--update", "--json");
    expect(JSON.parse(mended.stdout)).toMatchObject({ imported: 1, rejected: 0 });
  });

  test("takes a rejected person with its history when the line is mended", async () => {
    const { place, file, run } = await opened(async () => createPlace());
    const world = makeWorld({ people: 30 });
    const [first, second] = present(world);
    if (first === undefined || second === undefined) throw new Error("nobody is there");
    const taken = first.shown.userName.toUpperCase();
    const changed = world.events.map((event) => {
      const isLast = event.aggregate_id === second.person.id;
      if (!isLast || typeof event.payload?.userName !== "string") return event;
      return { ...event, payload: { ...event.payload, userName: taken } };
    });
    eventsFile(file, changed);
    expect((await run("zitadel-events")).summary).toMatchObject({ rejected: 1 });
    const rejects = `${file}.rejected`;
    const reject = JSON.parse(readFileSync(rejects, "utf8"));
    expect(reject.reason).toBe("the user name is taken");
    const text = reject.text.replaceAll(JSON.stringify(taken), JSON.stringify("mended"));
    writeFileSync(rejects, `${JSON.stringify({ ...reject, text })}\n`);
    const mended = await place.administer("import", rejects, "--update", "--json");
    expect(JSON.parse(mended.stdout)).toMatchObject({ imported: 1, rejected: 0 });
    const served = await serveImported(place);
    await expectHistory(served, { ...world, people: [second.person] }, 1);
  });

  test("does not overwrite what was changed here since the import", async () => {
    const { place, file, run } = await opened(async () => createPlace());
    const world = makeWorld({ people: 30 });
    forms["zitadel-events"](file, world);
    await run("zitadel-events");
    const served = await serveImported(place);
    const [changed] = present(world);
    if (changed === undefined) throw new Error("nobody is there");
    const { id, organization } = changed.person;
    const profile = { firstName: "Here", lastName: "Changed", displayName: "Changed here" };
    const url = `${served.url}/management/v1/users/${id}/profile`;
    const answer = await fetch(url, {
      method: "PUT",
      headers: { authorization: `Bearer ${served.secret}`, "x-zitadel-orgid": organization.id },
      body: JSON.stringify(profile),
    });
    expect(answer.status).toBe(200);
    const more = {
      aggregate_id: id,
      event_type: "user.username.changed",
      sequence: changed.person.sequence + 5,
      created_at: "2030-01-01T00:00:00+00:00",
      creator: "1",
      owner: organization.id,
      payload: { userName: "changed there" },
    };
    writeFileSync(file, `${JSON.stringify(more)}\n`);
    expect((await run("zitadel-events")).summary).toMatchObject({ changed: 0, rejected: 1 });
    expect(readFileSync(`${file}.rejected`, "utf8")).toContain("was changed here");
  });

  test.for([
    { form: "zitadel-export" as const, text: '{"orgs":[{"orgId":"1"', reason: "it ends early" },
    { form: "zitadel-export" as const, text: "[]", reason: "no export of ZITADEL's" },
    { form: "zitadel-export" as const, text: '{"orgs":[{"org":{}}]}', reason: "no export" },
  ])("refuses $text as $form", async ({ form, text, reason }) => {
    const { file, run } = await opened(async () => createPlace());
    writeFileSync(file, text);
    const { code, stderr } = await run(form);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
  });

  test.for([
    { argv: ["--from", "nothing", "x"], problem: "the forms are zitadel-export, zitadel-events" },
    { argv: ["--from", "zitadel-events", "https://a"], problem: "--token-file is missing" },
    { argv: ["--token-file", "x", "y"], problem: "belongs to --from zitadel-events" },
    { argv: ["--spool", "x", "y"], problem: "--spool belongs to --token-file" },
  ])("refuses $argv", async ({ argv, problem }) => {
    const { code, stderr } = await createPlace().administer("import", ...argv);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(problem) });
  });

  test("refuses a log that is not in order, and stdin", async () => {
    const { place, file, run } = await opened(async () => createPlace());
    const world = makeWorld({ people: 10 });
    eventsFile(file, [...world.events].reverse());
    expect((await run("zitadel-events")).stderr).toContain("not in the order of aggregate_id");
    const stdin = await place.administer("import", "--from", "zitadel-events", "-");
    expect(stdin).toMatchObject({ code: 1, stderr: expect.stringContaining("stdin") });
  });
});

/** Look again and again how many lines of the only import are done. */
function progressOf(path: string): () => number {
  const db = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => db.close());
  const select = db.prepare("select lines from imports");
  return () => Number(select.get()?.lines ?? 0);
}

/** Whoever was removed later: only the log says so. */
function withGone(before: World, after: World): World {
  const left = new Map(after.people.map((person) => [person.id, person]));
  const gone = before.people.filter(({ id, shown }) => shown && !left.get(id)?.shown);
  const goneIds = new Set(gone.map(({ id }) => id));
  const stayed = after.people.filter(({ id }) => !goneIds.has(id));
  return { ...after, people: [...stayed, ...gone] };
}

/** Of an id that was used again meanwhile, the history goes on: it begins with the user who had it before. */
function withoutReused(world: World): World {
  const isReused = (events: World["events"]) =>
    events.some((each) => each.event_type === "user.removed");
  return { ...world, people: world.people.filter(({ events }) => !isReused(events)) };
}
