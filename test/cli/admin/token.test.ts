import { describe, expect, test } from "vitest";
import { roleNames } from "../../../src/access/roles.ts";
import { createToken } from "../../../src/cli/admin/token-create.ts";
import { listTokens } from "../../../src/cli/admin/token-list.ts";
import { revokeToken } from "../../../src/cli/admin/token-revoke.ts";
import { cliError, setUp, withOrganizations } from "../directory.ts";

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
