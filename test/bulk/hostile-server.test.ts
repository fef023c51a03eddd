import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createPlace } from "../cli/serving.ts";
import { listening } from "../support/zitadel/listening.ts";

/** A server that answers every call with the next of these texts, again and again. */
async function serving(answers: readonly string[], status = 200): Promise<string> {
  let calls = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end(answers[calls % answers.length]);
    calls += 1;
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
