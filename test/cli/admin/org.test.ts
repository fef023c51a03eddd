import { describe, expect, test } from "vitest";
import { createOrganization } from "../../../src/cli/admin/org-create.ts";
import { listOrganizations } from "../../../src/cli/admin/org-list.ts";
import { cliError, setUp } from "../directory.ts";

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
