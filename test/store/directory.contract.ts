import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Directory,
  maxMemberships,
  type NewRecords,
  RecordExistsError,
} from "../../src/store/directory.ts";
import type { SearchScope } from "../../src/store/search.ts";

/** What every directory must do. Call it once per engine; `open` gives an empty one. */
export function describeDirectory(name: string, open: () => Promise<Directory>) {
  describe(`${name} directory`, () => {
    let directory: Directory;
    beforeAll(async () => {
      directory = await open();
    });
    afterAll(() => directory.close());

    let clock = 1_700_000_000_000_000;
    const newRecords = () => {
      clock += 1;
      const id = randomUUID();
      const organization = { id, name: `Org ${id}`, createdAt: clock };
      const account = { id: `a-${id}`, organization: id, name: "admin", createdAt: clock };
      const token = {
        id: `t-${id}`,
        digest: `d-${id}`,
        account: account.id,
        createdAt: clock,
        expiresAt: undefined,
        revokedAt: undefined,
      };
      const membership = { subject: account.id, organization: id, role: "ORG_OWNER" };
      const records: NewRecords = {
        organizations: [organization],
        serviceAccounts: [account],
        tokens: [token],
        memberships: [membership],
      };
      return { organization, account, token, membership, records };
    };
    const added = async () => {
      const made = newRecords();
      await directory.add(made.records);
      return made;
    };

    test("founds an empty directory only", async () => {
      const empty = await open();
      const [first, second] = [newRecords(), newRecords()];
      expect(await empty.found(first.records)).toBe(true);
      expect(await empty.found(second.records)).toBe(false);
      expect(await empty.organizations()).toEqual([first.organization]);
      await empty.close();
    });

    test("gives back what was added", async () => {
      const { organization, account, token, membership } = await added();
      expect(await directory.organization(organization.id)).toEqual(organization);
      expect(await directory.serviceAccount(account.id)).toEqual(account);
      expect(await directory.serviceAccountByName(organization.id, "admin")).toEqual(account);
      expect(await directory.tokenByDigest(token.digest)).toEqual({ token, account });
      expect(await directory.memberships(account.id)).toEqual([membership]);
    });

    test("finds nothing that was not added", async () => {
      expect(await directory.organization("none")).toBeUndefined();
      expect(await directory.serviceAccount("none")).toBeUndefined();
      expect(await directory.serviceAccountByName("none", "admin")).toBeUndefined();
      expect(await directory.tokenByDigest("none")).toBeUndefined();
      expect(await directory.memberships("none")).toEqual([]);
    });

    test("lists organizations and tokens in order of creation", async () => {
      const [first, second] = [await added(), await added()];
      expect((await directory.organizations()).slice(-2)).toEqual([
        first.organization,
        second.organization,
      ]);
      expect((await directory.tokens()).slice(-2)).toEqual([
        { token: first.token, account: first.account },
        { token: second.token, account: second.account },
      ]);
    });

    test("lists the service accounts of one organization in order of creation", async () => {
      const { organization, account } = await added();
      await added();
      const second = { ...account, id: randomUUID(), name: "b", createdAt: account.createdAt + 9 };
      const first = { ...account, id: randomUUID(), name: "c", createdAt: account.createdAt + 5 };
      await directory.add({ serviceAccounts: [second, first] });
      expect(await directory.serviceAccounts(organization.id)).toEqual([account, first, second]);
      expect(await directory.serviceAccounts("none")).toEqual([]);
    });

    test("lists the service accounts of several organizations, or of all", async () => {
      const [first, second, third] = [await added(), await added(), await added()];
      const idsIn = async (scope: SearchScope) =>
        (await directory.serviceAccounts(scope)).map(({ id }) => id).sort();
      const both = [first.account.id, third.account.id].sort();
      expect(await idsIn([first.organization.id, third.organization.id, "none"])).toEqual(both);
      expect(await idsIn([])).toEqual([]);
      expect(await idsIn({ everyOrganization: true })).toEqual(
        expect.arrayContaining([...both, second.account.id]),
      );
    });

    test("reads the first thousand memberships of a subject", async () => {
      const subject = randomUUID();
      const memberships = Array.from({ length: maxMemberships + 1 }, (_, index) => ({
        subject,
        organization: undefined,
        role: `ROLE_${index}`,
      }));
      await directory.add({ memberships });
      expect(await directory.memberships(subject)).toEqual(memberships.slice(0, maxMemberships));
    });

    test("keeps dates of tokens", async () => {
      const { account } = await added();
      const token = {
        id: randomUUID(),
        digest: randomUUID(),
        account: account.id,
        createdAt: 1,
        expiresAt: 2,
        revokedAt: 3,
      };
      await directory.add({ tokens: [token] });
      expect(await directory.tokenByDigest(token.digest)).toEqual({ token, account });
    });

    test.for<{ name: string; clash: (made: ReturnType<typeof newRecords>) => NewRecords }>([
      {
        name: "an organization's id",
        clash: (m) => ({ organizations: [{ ...m.organization, name: randomUUID() }] }),
      },
      {
        name: "an organization's name",
        clash: (m) => ({ organizations: [{ ...m.organization, id: randomUUID() }] }),
      },
      {
        name: "an account's id",
        clash: (m) => ({ serviceAccounts: [{ ...m.account, name: "other" }] }),
      },
      {
        name: "an account's name",
        clash: (m) => ({ serviceAccounts: [{ ...m.account, id: randomUUID() }] }),
      },
      { name: "a token's id", clash: (m) => ({ tokens: [{ ...m.token, digest: randomUUID() }] }) },
      { name: "a token's digest", clash: (m) => ({ tokens: [{ ...m.token, id: randomUUID() }] }) },
    ])("refuses a second use of $name, and writes nothing", async ({ clash }) => {
      const made = await added();
      const membership = { subject: randomUUID(), organization: undefined, role: "IAM_OWNER" };
      await expect(directory.add({ ...clash(made), memberships: [membership] })).rejects.toThrow(
        RecordExistsError,
      );
      expect(await directory.memberships(membership.subject)).toEqual([]);
    });

    test("allows an account's name again in another organization", async () => {
      const [first, second] = [await added(), await added()];
      expect(first.account.name).toBe(second.account.name);
    });

    test.for([
      { name: "of an organization", global: false },
      { name: "of the instance", global: true },
    ])("leaves a membership $name that exists as it is", async ({ global }) => {
      const { organization } = await added();
      const membership = {
        subject: randomUUID(),
        organization: [organization.id, undefined][Number(global)],
        role: "ORG_OWNER",
      };
      await directory.add({ memberships: [membership] });
      await directory.add({ memberships: [membership, { ...membership, role: "OTHER" }] });
      expect(await directory.memberships(membership.subject)).toEqual([
        membership,
        { ...membership, role: "OTHER" },
      ]);
    });

    test("lists every membership, in the order in which they were given", async () => {
      const [first, second] = [await added(), await added()];
      const third = {
        subject: first.membership.subject,
        organization: undefined,
        role: "IAM_OWNER",
      };
      await directory.add({ memberships: [third] });
      expect((await directory.everyMembership()).slice(-3)).toEqual([
        first.membership,
        second.membership,
        third,
      ]);
    });

    test("removes exactly the given membership, once", async () => {
      const [first, second] = [await added(), await added()];
      const { subject } = first.membership;
      const elsewhere = { ...first.membership, organization: second.organization.id };
      const everywhere = { subject, organization: undefined, role: "ORG_OWNER" };
      const other = { ...first.membership, role: "ORG_OWNER_VIEWER" };
      await directory.add({ memberships: [elsewhere, everywhere, other] });
      expect(await directory.removeMembership(first.membership)).toBe(true);
      expect(await directory.removeMembership(first.membership)).toBe(false);
      expect(await directory.memberships(subject)).toEqual([elsewhere, everywhere, other]);
      expect(await directory.removeMembership(everywhere)).toBe(true);
      expect(await directory.removeMembership(everywhere)).toBe(false);
      expect(await directory.memberships(subject)).toEqual([elsewhere, other]);
      expect(await directory.memberships(second.membership.subject)).toEqual([second.membership]);
    });

    test("refuses a record of an organization that does not exist", async () => {
      const account = { id: randomUUID(), organization: "none", name: "a", createdAt: 1 };
      await expect(directory.add({ serviceAccounts: [account] })).rejects.toThrow(/constraint/i);
      expect(await directory.serviceAccount(account.id)).toBeUndefined();
    });

    test("revokes a token once and keeps the first date", async () => {
      const { token, account } = await added();
      expect(await directory.revokeToken(token.id, 5)).toBe(true);
      expect(await directory.revokeToken(token.id, 9)).toBe(true);
      expect(await directory.tokenByDigest(token.digest)).toEqual({
        token: { ...token, revokedAt: 5 },
        account,
      });
      expect(await directory.revokeToken("none", 5)).toBe(false);
    });
  });
}
