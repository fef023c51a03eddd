import {
  type Directory,
  type Membership,
  type NewRecords,
  type Organization,
  RecordExistsError,
  type ServiceAccount,
  type Token,
} from "../directory.ts";
import type { Connection, Row, Statement } from "./connection.ts";
import type { Postgres } from "./database.ts";
import { isDuplicate } from "./postgres-error.ts";
import { transact } from "./transaction.ts";

const organizationColumns = "id, name, created_at from organizations";
const accountColumns = "id, organization, name, created_at from service_accounts";
const tokenColumns = `
  t.id, t.digest, t.account, t.created_at, t.expires_at, t.revoked_at,
  a.organization, a.name, a.created_at as account_created_at
  from tokens t join service_accounts a on a.id = t.account`;

const statements = {
  insertOrganization:
    "insert into organizations (id, name, created_at) values ($1::text, $2::text, $3::bigint)",
  insertAccount: `
    insert into service_accounts (id, organization, name, created_at)
    values ($1::text, $2::text, $3::text, $4::bigint)`,
  insertToken: `
    insert into tokens (id, digest, account, created_at, expires_at, revoked_at)
    values ($1::text, $2::text, $3::text, $4::bigint, $5::bigint, $6::bigint)`,
  insertMembership: `
    insert into memberships (subject, organization, role) values ($1::text, $2::text, $3::text)
    on conflict do nothing`,
  selectOrganization: `select ${organizationColumns} where id = $1::text`,
  selectOrganizations: `select ${organizationColumns} order by created_at, id`,
  selectAccount: `select ${accountColumns} where id = $1::text`,
  selectAccountByName: `select ${accountColumns} where organization = $1::text and name = $2::text`,
  selectTokenByDigest: `select ${tokenColumns} where t.digest = $1::text`,
  selectTokens: `select ${tokenColumns} order by t.created_at, t.id`,
  revokeToken: `
    update tokens set revoked_at = coalesce(revoked_at, $1::bigint) where id = $2::text
    returning id`,
  selectMemberships: `
    select subject, organization, role from memberships where subject = $1::text order by number`,
  /** One after another: a row that is always there stands for the right to found. */
  lockFounding: "select version from migrations where version = 1 for update",
} as const satisfies Record<string, string>;

function statement(name: keyof typeof statements): Statement {
  return { name, text: statements[name] };
}

/**
 * A directory in a PostgreSQL database.
 *
 * Besides the port's errors every operation throws StoreUnavailableError if the database cannot be
 * reached within 5 s, and those that write OutcomeUnknownError if the connection is lost during the
 * commit.
 */
export function createPostgresDirectory(database: Postgres): Directory {
  database.acquire();
  let released = false;

  const read = (name: keyof typeof statements, ...values: readonly unknown[]) =>
    database.read(statement(name), values);

  return {
    async add(records) {
      await guard(transact(database.connector, (connection) => insert(connection, records)));
    },

    found(records) {
      return guard(
        transact(database.connector, async (connection) => {
          await connection.run(statement("lockFounding"));
          const found = await connection.run(statement("selectOrganizations"));
          if (found.length > 0) return false;
          await insert(connection, records);
          return true;
        }),
      );
    },

    async organization(id) {
      const [row] = await read("selectOrganization", id);
      return row && organizationFromRow(row);
    },

    async organizations() {
      return (await read("selectOrganizations")).map(organizationFromRow);
    },

    async serviceAccount(id) {
      const [row] = await read("selectAccount", id);
      return row && accountFromRow(row);
    },

    async serviceAccountByName(organization, name) {
      const [row] = await read("selectAccountByName", organization, name);
      return row && accountFromRow(row);
    },

    async tokenByDigest(digest) {
      const [row] = await read("selectTokenByDigest", digest);
      return row && tokenFromRow(row);
    },

    async tokens() {
      return (await read("selectTokens")).map(tokenFromRow);
    },

    revokeToken(id, at) {
      return transact(database.connector, async (connection) => {
        const revoked = await connection.run(statement("revokeToken"), [at, id]);
        return revoked.length === 1;
      });
    },

    async memberships(subject) {
      return (await read("selectMemberships", subject)).map(membershipFromRow);
    },

    async close() {
      if (released) return;
      released = true;
      await database.release();
    },
  };
}

async function insert(connection: Connection, records: NewRecords): Promise<void> {
  for (const { id, name, createdAt } of records.organizations ?? []) {
    await connection.run(statement("insertOrganization"), [id, name, createdAt]);
  }
  for (const { id, organization, name, createdAt } of records.serviceAccounts ?? []) {
    await connection.run(statement("insertAccount"), [id, organization, name, createdAt]);
  }
  for (const token of records.tokens ?? []) {
    const { id, digest, account, createdAt, expiresAt, revokedAt } = token;
    const values = [id, digest, account, createdAt, expiresAt, revokedAt];
    await connection.run(statement("insertToken"), values);
  }
  for (const { subject, organization, role } of records.memberships ?? []) {
    await connection.run(statement("insertMembership"), [subject, organization, role]);
  }
}

async function guard<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new RecordExistsError("a record with this id, digest or name exists", { cause: error });
  }
}

function organizationFromRow(row: Row): Organization {
  return {
    id: String(row.id),
    name: String(row.name),
    createdAt: Number(row.created_at),
  };
}

function accountFromRow(row: Row): ServiceAccount {
  return {
    id: String(row.id),
    organization: String(row.organization),
    name: String(row.name),
    createdAt: Number(row.created_at),
  };
}

function tokenFromRow(row: Row): { token: Token; account: ServiceAccount } {
  return {
    token: {
      id: String(row.id),
      digest: String(row.digest),
      account: String(row.account),
      createdAt: Number(row.created_at),
      expiresAt: optionalNumber(row.expires_at),
      revokedAt: optionalNumber(row.revoked_at),
    },
    account: {
      id: String(row.account),
      organization: String(row.organization),
      name: String(row.name),
      createdAt: Number(row.account_created_at),
    },
  };
}

function membershipFromRow(row: Row): Membership {
  const { organization } = row;
  return {
    subject: String(row.subject),
    organization: organization === null ? undefined : String(organization),
    role: String(row.role),
  };
}

function optionalNumber(value: unknown): number | undefined {
  return value === null ? undefined : Number(value);
}
