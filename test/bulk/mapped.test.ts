import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createPlace } from "../cli/serving.ts";
import { newPostgresDatabase } from "../support/postgres-database.ts";

const ama = {
  id: "0b5f0a8e-0001",
  createdTimestamp: 1_700_000_000_123,
  username: "ama",
  enabled: true,
  emailVerified: true,
  firstName: "Ama",
  lastName: "Owusu",
  email: "ama@savanna.example",
  attributes: { locale: ["de"], phoneNumber: ["+41 44 668 18 00"], desk: ["B12"] },
  credentials: [{ type: "password", secretData: "{}" }],
  requiredActions: [],
  realmRoles: ["default", "staff"],
};
const bo = {
  ...ama,
  id: "0b5f0a8e-0002",
  username: "bo",
  email: "bo@savanna.example",
  enabled: false,
};
const realm = {
  realm: "savanna",
  roles: { realm: [{ name: "users" }] },
  users: [
    ama,
    { ...bo, attributes: { phone: ["044 668 18 00"] } },
    { id: "3", username: "service-account-x", serviceAccountClientId: "x" },
    { id: "4", username: "nameless", email: "nameless@savanna.example" },
  ],
};
const scim = {
  schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
  totalResults: 1,
  Resources: [
    {
      id: "2819c223",
      userName: "bjensen",
      name: { givenName: "Barbara", familyName: "Jensen", formatted: "Ms. Barbara Jensen" },
      nickName: "Babs",
      preferredLanguage: "en-US",
      emails: [
        { value: "babs@home.example", type: "home" },
        { value: "bjensen@work.example", type: "work", primary: true },
      ],
      phoneNumbers: [{ value: "+1-201-555-0123", type: "work" }],
      active: true,
      groups: [{ value: "1" }],
      meta: { created: "2010-01-23T04:56:22Z", lastModified: "2011-05-13T04:42:34Z" },
    },
  ],
};

const engines = [
  { engine: "SQLite", open: async () => createPlace() },
  { engine: "PostgreSQL", open: async () => createPlace(await newPostgresDatabase()) },
];

async function imported(open: (typeof engines)[number]["open"]) {
  const place = await open();
  await place.administer("org", "create", "Zoo", "--id", "1");
  const file = join(place.folder, "input.json");
  const run = async (form: string, content: object, ...more: string[]) => {
    writeFileSync(file, JSON.stringify(content));
    const ended = await place.administer("import", "--from", form, file, "--json", ...more);
    return { ...ended, summary: ended.stdout === "" ? undefined : JSON.parse(ended.stdout) };
  };
  const lines = async () =>
    (await place.administer("export")).stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return { place, file, run, lines };
}

describe("import --from keycloak", () => {
  test.for(engines)("takes people's profiles, on $engine", async ({ open }) => {
    const { run, lines, file } = await imported(open);
    expect((await run("keycloak", realm)).summary).toEqual({
      imported: 2,
      changed: 0,
      unchanged: 0,
      rejected: 1,
      doneBefore: 0,
      triedAgain: 0,
      rejects: `${file}.rejected`,
      notTaken: {
        credentials: 2,
        roles: 4,
        "phone numbers without a country": 1,
        "service accounts": 1,
      },
    });
    expect(JSON.parse(readFileSync(`${file}.rejected`, "utf8")).reason).toContain("FirstName");
    expect(await lines()).toEqual([
      {
        userId: ama.id,
        organization: "1",
        state: "USER_STATE_ACTIVE",
        userName: "ama",
        profile: {
          firstName: "Ama",
          lastName: "Owusu",
          displayName: "Ama Owusu",
          preferredLanguage: "de",
        },
        email: { email: ama.email, isEmailVerified: true },
        phone: { phone: "+41446681800" },
      },
      expect.objectContaining({ userId: bo.id, state: "USER_STATE_INACTIVE" }),
    ]);
    const married = {
      ...realm,
      users: [
        { ...ama, lastName: "Mensah" },
        { ...bo, attributes: {} },
      ],
    };
    expect((await run("keycloak", [married])).summary).toMatchObject({
      ...{ changed: 1, unchanged: 1, rejected: 0 },
    });
    expect(await lines()).toMatchObject([{ profile: { lastName: "Mensah" } }, {}]);
  });

  test("puts them into the organization that is named", async () => {
    const { place, run, lines } = await imported(async () => createPlace());
    await place.administer("org", "create", "Steppe", "--id", "2");
    const people = { users: [ama] };
    expect((await run("keycloak", people)).summary.rejected).toBe(1);
    expect((await run("keycloak", people, "--org", "3")).stderr).toContain("no organization");
    expect((await run("keycloak", people, "--org", "2")).summary).toMatchObject({ imported: 1 });
    expect(await lines()).toMatchObject([{ userId: ama.id, organization: "2" }]);
  });

  test("refuses a file without people", async () => {
    const { run } = await imported(async () => createPlace());
    const { code, stderr } = await run("keycloak", { realm: "savanna" });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("has nobody") });
  });
});

describe("import --from scim", () => {
  test.for(engines)("takes people's profiles, on $engine", async ({ open }) => {
    const { place, run, lines } = await imported(open);
    expect((await run("scim", scim)).summary).toMatchObject({
      imported: 1,
      rejected: 0,
      notTaken: { groups: 1 },
    });
    expect(await lines()).toEqual([
      {
        userId: "2819c223",
        organization: "1",
        state: "USER_STATE_ACTIVE",
        userName: "bjensen",
        profile: {
          firstName: "Barbara",
          lastName: "Jensen",
          nickName: "Babs",
          displayName: "Ms. Barbara Jensen",
          preferredLanguage: "en-US",
        },
        email: { email: "bjensen@work.example" },
        phone: { phone: "+12015550123" },
      },
    ]);
    const [person] = scim.Resources;
    const later = {
      ...person,
      active: false,
      meta: { ...person?.meta, lastModified: "2012-01-01T00:00:00Z" },
    };
    expect((await run("scim", { Resources: [later] })).summary).toMatchObject({ changed: 1 });
    expect(await lines()).toMatchObject([{ state: "USER_STATE_INACTIVE" }]);
    expect((await place.administer("export")).code).toBe(0);
  });
});
