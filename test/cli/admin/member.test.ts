import { describe, expect, test } from "vitest";
import { roleNames } from "../../../src/access/roles.ts";
import { addMember } from "../../../src/cli/admin/member-add.ts";
import { listMembers } from "../../../src/cli/admin/member-list.ts";
import { removeMember } from "../../../src/cli/admin/member-remove.ts";
import { maxMemberships } from "../../../src/store/directory.ts";
import { cliError, withOrganizations } from "../directory.ts";

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

  test("gives no subject more roles than count", async () => {
    const { admin, directory, ids } = await withOrganizations("Acme");
    const subject = "sam";
    const role = "ORG_OWNER";
    const memberships = Array.from({ length: maxMemberships }, (_, index) => ({
      subject,
      organization: undefined,
      role: `ROLE_${index}`,
    }));
    await directory.add({ memberships });
    await expect(addMember(admin, { subject, role })).rejects.toEqual(
      cliError("has 1000 roles, and no more count"),
    );
    const everyone = await directory.everyMembership();
    expect(everyone.some(({ organization }) => organization === ids[0])).toBe(false);
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
