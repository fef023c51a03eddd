import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createPlace } from "../cli/serving.ts";
import { listening } from "../support/zitadel/listening.ts";

/** A server that answers every call with the next of these texts, again and again. */
function serving(answers: readonly string[], status = 200): Promise<string> {
  return servingEach((call) => answers[call % answers.length] ?? "", status);
}

/** A server that makes an answer for each call, from 0. One that asks for the number of people alone does not count. */
async function servingEach(answerTo: (call: number) => string, status = 200): Promise<string> {
  let calls = 0;
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const answer = answerTo(calls);
    const { query, queries = [] } = JSON.parse(text);
    const isCount = query?.limit === 1 && !queries.some((each: object) => "inUserIdsQuery" in each);
    if (!isCount) calls += 1;
    else return response.end(JSON.stringify({ ...JSON.parse(answer), result: [] }));
    response.writeHead(status).end(answer);
  });
  onTestFinished(() => void server.close());
  return listening(server);
}

/** An empty database, and commands that call a server. */
async function opened(url: string) {
  const place = createPlace();
  await place.administer("org", "create", "Zoo");
  const tokenFile = join(place.folder, "token");
  writeFileSync(tokenFile, "a-token");
  const spool = ["--spool", join(place.folder, "events.db")];
  return {
    importLog: () =>
      place.administer(
        ...["import", "--from", "zitadel-events", url, "--token-file", tokenFile, ...spool],
      ),
    compare: () => place.administer("compare", url, "--token-file", tokenFile),
  };
}

/** An event as ListEvents answers it. */
function event(id: string, creationDate: string, payload: object) {
  return {
    aggregate: { id, type: { type: "user" }, resourceOwner: "1" },
    type: { type: "user.human.added" },
    editor: { userId: "1" },
    sequence: "1",
    creationDate,
    payload,
  };
}

function pageAt(date: string): string {
  const events = Array.from({ length: 1_000 }, (_, index) => event(`${date}-${index}`, date, {}));
  return JSON.stringify({ events });
}

/** A full page of people, as ListUsers answers it, with ids that begin with a text. */
function people(prefix: string, totalResult: string, count = 500): string {
  const result = Array.from({ length: count }, (_, index) => ({ userId: `${prefix}-${index}` }));
  return JSON.stringify({ details: { totalResult }, result });
}

const soon = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

/** What a terminal would obey: colours, in two forms, and text that runs from right to left. */
const controls = "\u001b[31m\u009b31m\u202e";

describe("a server that is not as it should be", () => {
  test("does not keep an import reading for ever", async () => {
    const pages = [pageAt("2026-01-02T00:00:00Z"), pageAt("2026-01-01T00:00:00Z")];
    const { importLog } = await opened(await serving(pages));
    const { code, stderr } = await importLog();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining("which is before what was asked for"),
    });
  });

  test.for([
    {
      name: "the same full page",
      answerTo: () => people("a", "50000000"),
      reason: "answers the same users again and again",
    },
    {
      name: "full pages in a circle",
      answerTo: (call: number) => people(`${call % 7}`, "50000000"),
      reason: "answers the same users again and again",
    },
    {
      name: "ever new users",
      answerTo: (call: number) => people(`${call}`, "600"),
      reason: "answers more users than the 600 that it says it has",
    },
    {
      name: "a total that is no number",
      answerTo: () => people("a", "many"),
      reason: 'answers "many" as a number of users',
    },
    {
      name: "more users than were asked for",
      answerTo: () => people("a", "501", 501),
      reason: "answers 501 entries where at most 500 were asked for",
    },
    {
      name: "an id that is too long",
      answerTo: () => people("a".repeat(200), "1", 1),
      reason: "a user with an id of more than 200 characters",
    },
    {
      name: "an answer that is too long",
      answerTo: () => people("a".repeat(40_000), "500"),
      reason: "an answer has more than 16777216 bytes",
    },
  ])("does not keep a comparison for ever with $name", async ({ answerTo, reason }) => {
    const { compare } = await opened(await servingEach(answerTo));
    const { code, stderr } = await compare();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
  });

  test("is compared to its end if its pages are smaller than asked for", async () => {
    const pages = [people("a", "250", 100), people("b", "250", 100), people("c", "250", 50)];
    const { compare } = await opened(await servingEach((call) => pages[call] ?? "{}"));
    expect(await compare()).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("compared 0 users: 0 differ, 0 only here, 250 only there"),
    });
  });

  test("fills no terminal with one value", async () => {
    const place = createPlace();
    const answer = (username: string) =>
      JSON.stringify({ details: { totalResult: "1" }, result: [{ userId: "1", username }] });
    const urls = [await serving([answer("gigi")]), await serving([answer("g".repeat(1_000_000))])];
    const tokenFile = join(place.folder, "token");
    writeFileSync(tokenFile, "a-token");
    const { stdout } = await place.administer(
      ...["compare", String(urls[0]), "--token-file", tokenFile],
      ...["--with", String(urls[1]), "--with-token-file", tokenFile],
    );
    expect(stdout).toContain('userName: "ggg');
    expect(stdout.length).toBeLessThan(2_000);
  });

  test.for([
    {
      name: "events in the future",
      answer: JSON.stringify({ events: [event("1", soon(3), {})] }),
      reason: "which is in the future",
    },
    {
      name: "more events than were asked for",
      answer: JSON.stringify({
        events: Array.from({ length: 1_001 }, () => event("1", "2026-01-01T00:00:00Z", {})),
      }),
      reason: "answers 1001 entries where at most 1000 were asked for",
    },
    {
      name: "an event that is too long",
      answer: JSON.stringify({
        events: [event("1", "2026-01-01T00:00:00Z", { userName: "g".repeat(1_100_000) })],
      }),
      reason: "an event of the log has more than 1048576 characters",
    },
  ])("does not fill the disk with $name", async ({ answer, reason }) => {
    const { importLog } = await opened(await serving([answer]));
    const { code, stderr } = await importLog();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(reason) });
  });

  test("does not keep an import reading what it makes meanwhile", async () => {
    // Each page ends a second later than the one before, and the first ends just after now.
    const began = Date.now();
    let pages = 0;
    const url = await servingEach((call) => {
      pages += 1;
      return pageAt(new Date(began + 60_000 + call * 1_000).toISOString());
    });
    const { importLog } = await opened(url);
    await importLog();
    expect(pages).toBe(1);
  });

  test("gives a person nothing that is nested too deep to be kept", async () => {
    const person = { userName: "gigi", firstName: "Gigi", lastName: "Giraffe", email: "LISTS" };
    const text = JSON.stringify({ events: [event("1", "2026-01-01T00:00:00Z", person)] });
    const lists = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const { importLog } = await opened(await serving([text.replace('"LISTS"', lists)]));
    expect(await importLog()).toMatchObject({ code: 0, stdout: "imported 1 user\n" });
  });

  test("does not reach the terminal with what it refuses", async () => {
    const { importLog } = await opened(await serving([`no${controls}\r\nmore`], 400));
    const { code, stderr } = await importLog();
    expect(code).toBe(1);
    expect(stderr.trimEnd()).toMatch(/answers 400: no\P{Cc}+more$/u);
    expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("does not reach the terminal with its people", async () => {
    const user = { userId: `1${controls}`, username: controls };
    const answer = { details: { totalResult: "1" }, result: [user] };
    const { compare } = await opened(await serving([JSON.stringify(answer)]));
    const { code, stdout } = await compare();
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining("is only there") });
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});
