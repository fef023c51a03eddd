import { describe, expect, test } from "vitest";
import { newPostgresDatabase } from "../../support/postgres-database.ts";
import { callRest, createPlace, demo, type Place, profile } from "../serving.ts";

/** Add users beside the demo user, with ids that sort behind one another. */
async function populate(place: Place) {
  const server = await place.serve("--demo", "--workers=1");
  const users = `${server.url}/management/v1/users`;
  const token = place.token();
  const ids: string[] = [];
  const displayNames = ["Ada\u001b[31m\u202e", "Bea", "Cy"];
  for (const [index, displayName] of displayNames.entries()) {
    const userName = `user-${index}`;
    const { body } = await callRest("POST", `${users}/human/_import`, token, {
      ...{ userName, profile: { ...profile, displayName } },
      email: { email: `${userName}@giraffe.example`, isEmailVerified: true },
    });
    ids.push(String(body.userId));
  }
  const [first = "", , last = ""] = ids;
  const value = Buffer.from("red").toString("base64");
  await callRest("POST", `${users}/${first}/metadata/color`, token, { value });
  await callRest("POST", `${users}/${first}/_lock`, token, {});
  await callRest("DELETE", `${users}/${last}`, token);
  return ids;
}

describe.for(["sqlite", "postgres"])("giraffe user, on %s", (engine) => {
  test("lists users page by page, and shows one of them, beside a server", async () => {
    const place = createPlace(engine === "sqlite" ? undefined : await newPostgresDatabase());
    const [ada = "", bea = "", removed = ""] = await populate(place);
    const list = async (...flags: string[]) =>
      JSON.parse((await place.administer("user", "list", "--json", ...flags)).stdout);

    const all = await list();
    const sorted = [demo.userId, ada, bea].sort();
    expect(all.users.map((user: { userId: string }) => user.userId)).toEqual(sorted);
    expect(all.next).toBeNull();
    const pages = [await list("--limit=2")];
    expect(pages[0]).toMatchObject({ users: [{}, {}], next: sorted[1] });
    pages.push(await list("--limit=2", "--after", pages[0].next));
    expect(pages[1].next).toBeNull();
    expect(pages.flatMap(({ users }) => users)).toEqual(all.users);
    expect(await list("--org", demo.organization)).toEqual(all);

    const forPeople = await place.administer("user", "list", "--limit=2");
    expect(forPeople).toMatchObject({ code: 0, stderr: "" });
    expect(forPeople.stdout).toMatch(/^ID +USER NAME +NAME +STATE +ORGANIZATION\n/);
    expect(forPeople.stdout).toMatch(new RegExp(`\\nthere are more: add --after ${sorted[1]}\\n$`));

    const shown = await place.administer("user", "get", ada, "--json");
    const document = JSON.parse(shown.stdout);
    expect(document).toEqual({
      userId: ada,
      organization: demo.organization,
      state: "USER_STATE_LOCKED",
      userName: "user-0",
      profile: expect.objectContaining({ firstName: "Gigi", displayName: "Ada\u001b[31m\u202e" }),
      email: { email: "user-0@giraffe.example", isEmailVerified: true },
      metadata: [{ key: "color", value: "cmVk" }],
      sequence: 3,
      creationDate: expect.stringMatching(/^\d{4}-.*Z$/),
      changeDate: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const text = (await place.administer("user", "get", ada)).stdout;
    expect(text).toMatch(/^displayName +Ada\ufffd\[31m\ufffd$/m);
    expect(text).toMatch(/^metadata color +cmVk$/m);
    expect(text).toMatch(/^sequence +3$/m);
    for (const id of [removed, "nobody"]) {
      expect(await place.administer("user", "get", id)).toEqual({
        code: 1,
        stdout: "",
        stderr: `giraffe: there is no user "${id}"\n`,
      });
    }
  });
});

test.for([
  { flags: ["--limit", "0"], want: '--limit "0": give a whole number from 1 to 1000' },
  { flags: ["--limit", "1001"], want: '--limit "1001": give a whole number from 1 to 1000' },
  { flags: ["--limit", "x"], want: '--limit "x": give a whole number from 1 to 1000' },
  { flags: ["--org", "42"], want: 'there is no organization "42"' },
])("giraffe user list refuses $flags", async ({ flags, want }) => {
  const place = createPlace();
  await place.administer("org", "create", "Zoo");
  const { code, stderr } = await place.administer("user", "list", ...flags);
  expect({ code, stderr }).toEqual({ code: 1, stderr: `giraffe: ${want}\n` });
});
