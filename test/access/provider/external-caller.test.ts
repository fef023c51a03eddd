import { describe, expect, test } from "vitest";
import type { Claims } from "../../../src/access/provider/claims.ts";
import { createExternalCaller } from "../../../src/access/provider/external-caller.ts";
import type { HumanState, PresentHuman } from "../../../src/domain/human-state.ts";
import type { Membership } from "../../../src/store/directory.ts";
import type { EventStore } from "../../../src/store/event-store.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";

const claims = (properties: Partial<Claims> = {}): Claims => ({
  subject: "sam",
  organization: undefined,
  language: undefined,
  expiresAt: undefined,
  ...properties,
});

const roleIn = (organization: string | undefined): Membership => ({
  subject: "sam",
  organization,
  role: "ORG_OWNER",
});

const sam = {
  kind: "present",
  status: "active",
  profile: { preferredLanguage: "de" },
} as PresentHuman;

/** Organizations first and second; the service account `robot`; the human sam, who reads German. */
async function setUp(memberships: readonly Membership[] = []) {
  const human: { state: HumanState } = { state: sam };
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  await directory.add({
    organizations: ["first", "second"].map((id, at) => ({ id, name: id, createdAt: at + 1 })),
    serviceAccounts: [{ id: "robot", organization: "first", name: "robot", createdAt: 1 }],
    memberships,
  });
  const clock = { at: 1, now: () => clock.at };
  const loadOnInstance = async (stream: string) => (stream === "sam" ? human : undefined);
  const store = { loadOnInstance } as Pick<EventStore, "loadOnInstance">;
  return { callerOf: createExternalCaller({ directory, store, clock }), clock, directory, human };
}

describe("createExternalCaller", () => {
  test.for<{ name: string; memberships: Membership[]; claimed?: string; want: string }>([
    { name: "that the token names", memberships: [roleIn("second")], claimed: "x", want: "x" },
    { name: "of the first role", memberships: ["second", "first"].map(roleIn), want: "second" },
    {
      name: "of the first role in an organization",
      memberships: [undefined, "second"].map(roleIn),
      want: "second",
    },
    {
      name: "that is the first, with a role on the instance",
      memberships: [roleIn(undefined)],
      want: "first",
    },
    { name: "that is the first, without a role", memberships: [], want: "first" },
  ])("is at home in the organization $name", async ({ memberships, claimed, want }) => {
    const { callerOf } = await setUp(memberships);
    expect(await callerOf(claims({ organization: claimed }))).toMatchObject({
      subject: "sam",
      organization: want,
    });
  });

  test.for<{ name: string; properties: Partial<Claims>; want: string | undefined }>([
    { name: "of the token", properties: { language: "fr" }, want: "fr" },
    { name: "of the human with this id", properties: {}, want: "de" },
    {
      name: "of the human with this id, wherever the token is at home",
      properties: { organization: "second" },
      want: "de",
    },
    { name: "of nobody else", properties: { subject: "kim" }, want: undefined },
  ])("reads the language $name", async ({ properties, want }) => {
    const { callerOf } = await setUp();
    expect((await callerOf(claims(properties))).language).toBe(want);
  });

  test("is never a service account, though the provider says so", async () => {
    const { callerOf } = await setUp();
    await expect(callerOf(claims({ subject: "robot" }))).rejects.toMatchObject({
      key: "tokenInvalid",
    });
  });

  test.for<{ name: string; state: HumanState }>([
    { name: "deactivated", state: { ...sam, status: "inactive" } },
    { name: "locked", state: { ...sam, status: "locked" } },
    { name: "removed", state: { kind: "removed" } },
  ])("I11: is refused 2 seconds after the human with this id is $name", async ({ state }) => {
    const { callerOf, clock, human } = await setUp();
    const { subject } = await callerOf(claims({ language: "fr" }));
    human.state = state;
    clock.at += 2_001;
    const refusal = { key: "tokenInvalid" };
    await expect(callerOf(claims({ subject, language: "fr" }))).rejects.toMatchObject(refusal);
    human.state = sam;
    expect(await callerOf(claims({ subject }))).toMatchObject({ language: "de" });
  });

  const inactive: { name: string; state: HumanState }[] = [
    { name: "deactivated", state: { ...sam, status: "inactive" } },
    { name: "locked", state: { ...sam, status: "locked" } },
    { name: "removed", state: { kind: "removed" } },
  ];
  const homes = [undefined, "first", "second", "unknown"];
  test.for(inactive.flatMap((row) => homes.map((organization) => ({ ...row, organization }))))(
    "B1: refuses a human who is $name, whose token names the organization $organization",
    async ({ state, organization }) => {
      const { callerOf, human } = await setUp([roleIn("second")]);
      human.state = state;
      await expect(callerOf(claims({ organization }))).rejects.toMatchObject({
        key: "tokenInvalid",
      });
    },
  );

  test("sees a first role after 2 seconds", async () => {
    const { callerOf, clock, directory } = await setUp();
    expect(await callerOf(claims())).toMatchObject({ organization: "first" });
    await directory.add({ memberships: [roleIn("second")] });
    clock.at += 2_001;
    expect(await callerOf(claims())).toMatchObject({ organization: "second" });
  });
});
