import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace } from "../../cli/serving.ts";

const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

/** An empty database, and imports into it. */
async function opened() {
  const place = createPlace();
  await place.administer("org", "create", "Zoo");
  const file = join(place.folder, "input");
  const run = async (form: string, text: string) => {
    writeFileSync(file, text);
    const { code, stdout, stderr } = await place.administer("import", "--from", form, file);
    return { code, stdout, stderr };
  };
  const reasons = () =>
    readFileSync(`${file}.rejected`, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).reason);
  return { run, reasons };
}

/** A row of the projection of users. `more` is JSON behind its other columns. */
function row(id: string, more = ""): string {
  const columns = {
    id,
    resource_owner: "1",
    organization_name: "Moved",
    state: 1,
    username: `name-${id}`,
    first_name: "Gigi",
    last_name: "Giraffe",
    email: `${id}@giraffe.example`,
    sequence: 1,
    creation_date: "2026-01-31T12:00:00Z",
    change_date: "2026-01-31T12:00:00Z",
  };
  return `${JSON.stringify(columns).slice(0, -1)}${more}}\n`;
}

describe("an input with lists where texts belong", () => {
  test.for([
    ["metadata", `,"metadata":[{"key":"a","value":${deep}}]`, "Value"],
    ["sequence", `,"sequence":${deep}`, "line 2: sequence is not a text or a number"],
    [
      "creation_date",
      `,"creation_date":${deep}`,
      "line 2: creation_date is not a text or a number",
    ],
    ["change_date", `,"change_date":${deep}`, "line 2: change_date is not a text or a number"],
  ] as const)("loses one row alone, with %s", async ([, more, reason]) => {
    const { run, reasons } = await opened();
    const ended = await run("zitadel-users", row("1") + row("2", more) + row("3"));
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    expect(ended.stdout).toContain("imported 2 users, rejected 1 line");
    expect(reasons()).toEqual([expect.stringContaining(reason)]);
  });

  test("takes a row without its gender", async () => {
    const { run } = await opened();
    const ended = await run("zitadel-users", row("1") + row("2", `,"gender":${deep}`));
    expect(ended).toEqual({ code: 0, stdout: "imported 2 users\n", stderr: "" });
  });
});

/** An export with one organization. `members` are JSON behind its name. */
const exported = (members: string) => `{"orgs":[{"orgId":"1","org":{"name":"Moved"},${members}}]}`;

/** A person of an export. `members` are JSON before the user, `more` JSON behind its fields. */
function person(members = "", more = ""): string {
  const user = {
    userName: "gigi",
    profile: { firstName: "Gigi", lastName: "Giraffe" },
    email: { email: "gigi@giraffe.example" },
  };
  return `{"userId":"2",${members}"user":${JSON.stringify(user).slice(0, -1)}${more}}}`;
}

describe("an export", () => {
  test.for([
    ['"orgState":nothing', "orgState of organization 1 is not JSON: "],
    ['"userMetadata":[{"id":"2"},{key}]', "metadata 2 of organization 1 is not JSON: "],
  ] as const)("with %s is refused, and the place is named", async ([members, problem]) => {
    const { run } = await opened();
    const { code, stderr } = await run("zitadel-export", exported(members));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(problem) });
  });

  test("has no state and no loss that is named like a member of every object", async () => {
    const { run, reasons } = await opened();
    const people = `"humanUsers":[${person('"state":"constructor",')},${person("", ',"toString":1')}]`;
    const { stdout } = await run("zitadel-export", exported(`"valueOf":[1],${people}`));
    expect(reasons()).toEqual(["person 1 of the organization 1: the state is unknown"]);
    expect(stdout).toContain("not taken: 1 valueOf, 1 people's toString");
  });
});
