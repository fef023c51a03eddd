import { describe, expect, test } from "vitest";
import { createIdGenerator } from "../../src/access/id.ts";
import { createPersonalAccessTokenAuthenticator } from "../../src/access/personal-access-token.ts";
import { roleNames } from "../../src/access/roles.ts";
import type { CliError } from "../../src/cli/command/admin.ts";
import { formatTable } from "../../src/cli/command/table.ts";
import { addMember } from "../../src/cli/member-add.ts";
import { listMembers } from "../../src/cli/member-list.ts";
import { removeMember } from "../../src/cli/member-remove.ts";
import { createOrganization } from "../../src/cli/org-create.ts";
import { listOrganizations } from "../../src/cli/org-list.ts";
import { createToken } from "../../src/cli/token-create.ts";
import { listTokens } from "../../src/cli/token-list.ts";
import { revokeToken } from "../../src/cli/token-revoke.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../src/store/sqlite/directory.ts";
import { askingAtOnce } from "../access/at-once.ts";

const start = Date.parse("2026-01-31T12:00:00Z") * 1_000;

/** An empty directory, and functions that return what a command prints, as lines or as a document. */
function setUp() {
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const now = () => start;
  const lines: string[] = [];
  const out = (line: string) => void lines.push(line);
  const admin = { directory, ids: createIdGenerator({ now }), now, out, json: false };
  return {
    admin,
    directory,
    authenticate: askingAtOnce(createPersonalAccessTokenAuthenticator(directory, { now })),
    linesOf: async (command: Promise<void>) => {
      lines.length = 0;
      await command;
      return [...lines];
    },
    documentOf: async (run: (json: typeof admin) => Promise<void>) => {
      lines.length = 0;
      await run({ ...admin, json: true });
      expect(lines).toHaveLength(1);
      return JSON.parse(lines.join(""));
    },
  };
}

const cliError = (message: string | RegExp) =>
  expect.objectContaining<Partial<CliError>>({
    name: "CliError",
    exitCode: 1,
    message: expect.stringMatching(message),
  });

describe("formatTable", () => {
  test("aligns columns and leaves no blanks at the end", () => {
    expect(
      formatTable(
        ["ID", "NAME"],
        [
          ["1", "Ä"],
          ["200", "🦒🦒 and more"],
          ["3", ""],
        ],
      ),
    ).toEqual(["ID   NAME", "1    Ä", "200  🦒🦒 and more", "3"]);
  });
});

describe("org", () => {
  test("creates organizations and lists them", async () => {
    const { admin, documentOf, linesOf } = setUp();
    const acme = await documentOf((json) => createOrganization(json, { name: "  Acme " }));
    await createOrganization(admin, { name: "Zoo" });
    expect(acme).toEqual({
      id: expect.stringMatching(/^[0-9]{18}$/),
      name: "Acme",
      createdAt: "2026-01-31T12:00:00.000Z",
    });
    const list = await documentOf(listOrganizations);
    expect(list).toMatchObject([acme, { name: "Zoo" }]);
    expect(await linesOf(listOrganizations(admin))).toEqual([
      "ID                  NAME  CREATED",
      `${acme.id}  Acme  2026-01-31T12:00:00.000Z`,
      `${list[1].id}  Zoo   2026-01-31T12:00:00.000Z`,
    ]);
  });

  test("prints one line for people", async () => {
    const { admin, linesOf } = setUp();
    expect(await linesOf(createOrganization(admin, { name: "Acme" }))).toEqual([
      expect.stringMatching(/^created organization [0-9]{18} Acme$/),
    ]);
  });

  test("takes an id, so that imported users keep their organization", async () => {
    const { admin, directory } = setUp();
    await createOrganization(admin, { name: "Acme", id: "42" });
    expect(await directory.organization("42")).toMatchObject({ name: "Acme" });
    await expect(createOrganization(admin, { name: "Other", id: "42" })).rejects.toEqual(
      cliError("the id 42 exists already"),
    );
    await expect(createOrganization(admin, { name: "Other", id: "" })).rejects.toEqual(
      cliError("has 1 to 200 characters"),
    );
  });

  test("refuses a name that exists", async () => {
    const { admin } = setUp();
    await createOrganization(admin, { name: "Acme" });
    await expect(createOrganization(admin, { name: "Acme" })).rejects.toEqual(
      cliError('organization "Acme" exists already'),
    );
  });

  test.for(["", "  ", "a\u001b[31mb", "a\nb", "a\u2028b", "\ud800", "x".repeat(201)])(
    "refuses the name %j",
    async (name) => {
      await expect(createOrganization(setUp().admin, { name })).rejects.toEqual(
        cliError("a name has 1 to 200 characters"),
      );
    },
  );

  test("accepts a name of 200 characters outside the basic plane", async () => {
    const { admin, linesOf } = setUp();
    const name = "🦒".repeat(200);
    expect(await linesOf(createOrganization(admin, { name }))).toHaveLength(1);
  });
});

/** Organizations by name, with their ids. */
async function withOrganizations(...names: string[]) {
  const context = setUp();
  const ids: string[] = [];
  for (const name of names) {
    const { id } = await context.documentOf((json) => createOrganization(json, { name }));
    ids.push(id);
  }
  return { ...context, ids };
}

describe("token create", () => {
  test("makes a token that works, in the only organization", async () => {
    const { admin, authenticate, directory, ids, linesOf } = await withOrganizations("Acme");
    const lines = await linesOf(createToken(admin, { name: "ci", role: "ORG_OWNER" }));
    const secret = lines.join("\n").match(/gir_\w+/)?.[0] ?? "";
    const caller = await authenticate(secret);
    expect(caller?.organization).toBe(ids[0]);
    expect(await directory.memberships(caller?.subject ?? "")).toEqual([
      { subject: caller?.subject, organization: ids[0], role: "ORG_OWNER" },
    ]);
    expect(lines).toEqual([
      expect.stringMatching(/^token {4}[0-9]{18}$/),
      `account  ${caller?.subject} ci`,
      `role     ORG_OWNER in ${ids[0]}`,
      "expires  never",
      `secret   ${secret}`,
      "",
      "The secret is not stored and is not shown again.",
    ]);
  });

  test("prints one JSON document with the secret", async () => {
    const { documentOf, ids } = await withOrganizations("Acme", "Zoo");
    const options = { name: "ci", role: "ORG_USER_MANAGER", organization: ids[1], expires: "90d" };
    expect(await documentOf((json) => createToken(json, options))).toEqual({
      id: expect.stringMatching(/^[0-9]{18}$/),
      account: { id: expect.stringMatching(/^[0-9]{18}$/), name: "ci" },
      organization: ids[1],
      roles: [{ role: "ORG_USER_MANAGER", organization: ids[1] }],
      createdAt: "2026-01-31T12:00:00.000Z",
      expiresAt: "2026-05-01T12:00:00.000Z",
      revokedAt: null,
      secret: expect.stringMatching(/^gir_[0-9A-Za-z]{49}$/),
    });
  });

  test("gives a role of the instance to an account of the first organization", async () => {
    const { documentOf, ids } = await withOrganizations("Acme", "Zoo");
    expect(
      await documentOf((json) => createToken(json, { name: "ci", role: "IAM_OWNER" })),
    ).toMatchObject({
      organization: ids[0],
      roles: [{ role: "IAM_OWNER", organization: null }],
    });
  });

  test("uses the account of that name again, and gives a role once", async () => {
    const { admin, documentOf } = await withOrganizations("Acme");
    await createToken(admin, { name: "ci", role: "IAM_OWNER" });
    await createToken(admin, { name: "ci", role: "IAM_OWNER" });
    await createToken(admin, { name: "ci", role: "ORG_OWNER" });
    const tokens: { account: { id: string }; roles: { role: string }[] }[] =
      await documentOf(listTokens);
    expect(new Set(tokens.map(({ account }) => account.id)).size).toBe(1);
    expect(tokens.map(({ roles }) => roles.map(({ role }) => role))).toEqual(
      Array.from({ length: 3 }, () => ["IAM_OWNER", "ORG_OWNER"]),
    );
  });

  test("keeps accounts of one name in two organizations apart", async () => {
    const { admin, directory, ids } = await withOrganizations("Acme", "Zoo");
    for (const organization of ids) {
      await createToken(admin, { name: "ci", role: "ORG_OWNER", organization });
    }
    const accounts = (await directory.tokens()).map(({ account }) => account);
    expect(accounts.map(({ organization }) => organization)).toEqual(ids);
    expect(accounts[0]?.id).not.toBe(accounts[1]?.id);
  });

  test.for([
    { expires: "1m", want: "2026-01-31T12:01:00.000Z" },
    { expires: "30m", want: "2026-01-31T12:30:00.000Z" },
    { expires: "12h", want: "2026-02-01T00:00:00.000Z" },
    { expires: "1d", want: "2026-02-01T12:00:00.000Z" },
    { expires: "36500d", want: "2126-01-07T12:00:00.000Z" },
  ])("lets a token expire after $expires", async ({ expires, want }) => {
    const { documentOf } = await withOrganizations("Acme");
    const options = { name: "ci", role: "ORG_OWNER", expires };
    const { expiresAt } = await documentOf((json) => createToken(json, options));
    expect(expiresAt).toBe(want);
  });

  test.for([
    { name: "an unknown role", options: { role: "OWNER" }, want: roleNames.join(", ") },
    { name: "an inherited name as role", options: { role: "constructor" }, want: "unknown role" },
    { name: "an empty account name", options: { name: " " }, want: "service account " },
    { name: "no organization of two", options: {}, want: /ORG_OWNER needs --org; .*Acme.*Zoo/ },
    {
      name: "an unknown organization",
      options: { organization: "1" },
      want: /no organization "1"; .*Acme.*Zoo/,
    },
    {
      name: "an organization for a role of the instance",
      options: { role: "IAM_OWNER", organization: "1" },
      want: "IAM_OWNER is a role on the whole instance and takes no --org",
    },
    ...["", "0d", "90", "d", "1y", "-1d", "1.5h", "36501d", "999999999d", "9999999999m", " 1d"].map(
      (expires) => ({
        name: `--expires ${JSON.stringify(expires)}`,
        options: { expires },
        want: "give a duration such as 90d, 12h or 30m",
      }),
    ),
  ])("refuses $name and writes nothing", async ({ options, want }) => {
    const { admin, directory } = await withOrganizations("Acme", "Zoo");
    await expect(createToken(admin, { name: "ci", role: "ORG_OWNER", ...options })).rejects.toEqual(
      cliError(want),
    );
    expect(await directory.tokens()).toEqual([]);
  });

  test("says how to make the first organization", async () => {
    await expect(createToken(setUp().admin, { name: "ci", role: "IAM_OWNER" })).rejects.toEqual(
      cliError("giraffe org create NAME"),
    );
  });
});

describe("token list and revoke", () => {
  test("lists every token without secret or digest", async () => {
    const { admin, directory, linesOf, documentOf, ids } = await withOrganizations("Acme");
    const { secret } = await documentOf((json) =>
      createToken(json, { name: "ci", role: "ORG_OWNER", expires: "30m" }),
    );
    const [stored] = await directory.tokens();
    const id = stored?.token.id;
    const lines = await linesOf(listTokens(admin));
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ["ID", "ACCOUNT", "ORGANIZATION", "ROLES", "CREATED", "EXPIRES", "REVOKED"],
      [id, "ci", ids[0], "ORG_OWNER", "2026-01-31T12:00:00.000Z", "2026-01-31T12:30:00.000Z", "-"],
    ]);
    const everything = lines.join() + JSON.stringify(await documentOf(listTokens));
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(stored?.token.digest);
  });

  test("says where a role elsewhere is held", async () => {
    const { admin, directory, linesOf, ids } = await withOrganizations("Acme", "Zoo");
    await createToken(admin, { name: "ci", role: "ORG_OWNER", organization: ids[0] });
    const [stored] = await directory.tokens();
    const subject = stored?.account.id ?? "";
    await directory.add({
      memberships: [{ subject, organization: ids[1], role: "ORG_OWNER_VIEWER" }],
    });
    expect((await linesOf(listTokens(admin))).join()).toContain(
      `ORG_OWNER, ORG_OWNER_VIEWER in ${ids[1]}`,
    );
  });

  test("revokes a token, also if it is revoked already", async () => {
    const { admin, documentOf, linesOf } = await withOrganizations("Acme");
    const { id } = await documentOf((json) => createToken(json, { name: "ci", role: "ORG_OWNER" }));
    expect(await linesOf(revokeToken(admin, { id }))).toEqual([
      `revoked token ${id}; it stops working within 5 seconds`,
    ]);
    expect(await documentOf((json) => revokeToken(json, { id }))).toEqual({ id, revoked: true });
    expect(await documentOf(listTokens)).toMatchObject([
      { id, revokedAt: "2026-01-31T12:00:00.000Z" },
    ]);
  });

  test("refuses to revoke what does not exist", async () => {
    const { admin } = await withOrganizations("Acme");
    await expect(revokeToken(admin, { id: "1\u001b" })).rejects.toEqual(
      cliError('there is no token "1\\\\u001b"'),
    );
  });
});

describe("member", () => {
  test("gives a role in the only organization, takes it away, and lists it in between", async () => {
    const { admin, directory, ids, linesOf } = await withOrganizations("Acme");
    const sam = { subject: "auth0|sam", role: "ORG_OWNER" };
    expect(await linesOf(addMember(admin, sam))).toEqual([
      `auth0|sam has ORG_OWNER in ${ids[0]}; this takes effect within 5 seconds`,
    ]);
    expect(await directory.memberships("auth0|sam")).toEqual([{ ...sam, organization: ids[0] }]);
    expect((await linesOf(listMembers(admin, {}))).map((line) => line.split(/ {2,}/))).toEqual([
      ["SUBJECT", "ROLE", "ORGANIZATION"],
      ["auth0|sam", "ORG_OWNER", ids[0]],
    ]);
    expect(await linesOf(removeMember(admin, sam))).toEqual([
      `auth0|sam no longer has ORG_OWNER in ${ids[0]}; this takes effect within 5 seconds`,
    ]);
    expect(await directory.memberships("auth0|sam")).toEqual([]);
  });

  test("shows a role on the instance without an organization", async () => {
    const { admin, documentOf, linesOf } = await withOrganizations("Acme", "Zoo");
    const sam = { subject: "sam", role: "IAM_OWNER" };
    expect(await documentOf((json) => addMember(json, sam))).toEqual({
      ...sam,
      organization: null,
    });
    expect((await linesOf(listMembers(admin, {}))).join()).toMatch(/sam +IAM_OWNER +-/);
    expect(await documentOf((json) => removeMember(json, sam))).toEqual({
      ...sam,
      organization: null,
      removed: true,
    });
  });

  test("adds a role once if it is given twice, without an error", async () => {
    const { admin, directory } = await withOrganizations("Acme");
    for (let time = 0; time < 2; time += 1)
      await addMember(admin, { subject: "sam", role: "ORG_OWNER" });
    expect(await directory.memberships("sam")).toHaveLength(1);
  });

  test("lists by subject, role and organization", async () => {
    const { admin, documentOf, ids } = await withOrganizations("Acme", "Zoo");
    for (const organization of ids)
      for (const subject of ["sam", "kim"])
        await addMember(admin, { subject, role: "ORG_OWNER", organization });
    await addMember(admin, { subject: "sam", role: "IAM_OWNER" });
    const list = async (filter: Parameters<typeof listMembers>[1]): Promise<unknown[]> =>
      documentOf((json) => listMembers(json, filter));
    expect(await list({})).toHaveLength(5);
    expect(await list({ subject: "sam" })).toHaveLength(3);
    expect(await list({ role: "IAM_OWNER" })).toHaveLength(1);
    expect(await list({ organization: ids[1] })).toHaveLength(2);
    expect(await list({ subject: "sam", role: "ORG_OWNER", organization: ids[1] })).toEqual([
      { subject: "sam", role: "ORG_OWNER", organization: ids[1] },
    ]);
    expect(await list({ subject: "nobody" })).toEqual([]);
  });

  test.for([
    { name: "an unknown role", options: { role: "OWNER" }, want: roleNames.join(", ") },
    { name: "an empty subject", options: { subject: "" }, want: "1 to 255 characters" },
    { name: "a long subject", options: { subject: "x".repeat(256) }, want: "1 to 255 characters" },
    {
      name: "a control character",
      options: { subject: "sam\u001b[2J" },
      want: "none of them a control character",
    },
    { name: "no organization of two", options: {}, want: /ORG_OWNER needs --org; .*Acme.*Zoo/ },
    { name: "an unknown organization", options: { organization: "1" }, want: 'organization "1"' },
    {
      name: "an organization for a role of the instance",
      options: { role: "IAM_OWNER", organization: "1" },
      want: "takes no --org",
    },
  ])("refuses $name and writes nothing", async ({ options, want }) => {
    const { admin, directory } = await withOrganizations("Acme", "Zoo");
    const member = { subject: "sam", role: "ORG_OWNER", ...options };
    await expect(addMember(admin, member)).rejects.toEqual(cliError(want));
    await expect(removeMember(admin, member)).rejects.toEqual(cliError(want));
    expect(await directory.everyMembership()).toEqual([]);
  });

  test("takes a subject of 255 characters as it is", async () => {
    const { admin, directory } = await withOrganizations("Acme");
    const subject = ` ${"🦒".repeat(253)} `;
    await addMember(admin, { subject, role: "ORG_OWNER" });
    expect(await directory.memberships(subject)).toHaveLength(1);
  });

  test("refuses to remove a role that a subject does not have", async () => {
    const { admin } = await withOrganizations("Acme");
    await addMember(admin, { subject: "sam", role: "ORG_OWNER" });
    await expect(removeMember(admin, { subject: "sam", role: "ORG_OWNER_VIEWER" })).rejects.toEqual(
      cliError('"sam" does not have ORG_OWNER_VIEWER in '),
    );
  });
});
