import {
  type Directory,
  maxMemberships,
  type NewRecords,
  RecordExistsError,
} from "../directory.ts";
import { OutcomeUnknownError } from "../event-store.ts";
import { isOwned } from "../search/condition-sql.ts";
import {
  accountFromRow,
  membershipFromRow,
  organizationFromRow,
  tokenColumns,
  tokenFromRow,
} from "../sql/directory-rows.ts";
import type { Row } from "../sql/rows.ts";
import { raw, sql } from "../sql/sql.ts";
import type { Statement } from "./connection/connection.ts";
import type { Link } from "./connection/link.ts";
import type { Postgres } from "./database.ts";
import { isDuplicate, outcomeFromError, unavailableFrom } from "./postgres-error.ts";
import { dialect } from "./search.ts";
import { statementOf } from "./statement.ts";

/**
 * A directory in a PostgreSQL database. Each operation is one statement.
 *
 * Besides the port's errors every operation throws StoreUnavailableError if the database cannot be
 * read or written, and those that write OutcomeUnknownError if the connection was lost meanwhile.
 */
export function createPostgresDirectory(database: Postgres): Directory {
  database.acquire();
  const link = database.link();
  const { read } = database;
  const write = (statement: Statement) => writeRecords(link, statement);
  let released = false;

  return {
    async add(records) {
      await write({ text: insertText("select true"), values: valuesOf(records) });
    },

    async found(records) {
      const rows = await write({
        text: insertText(`
          insert into founded (once) select true where not exists (select 1 from organizations)
          on conflict do nothing returning once`),
        values: valuesOf(records),
      });
      return rows.length > 0;
    },

    ...organizationsAndAccounts(read),
    ...tokens(read, write),
    ...memberships(read, write),

    async close() {
      if (released) return;
      released = true;
      await database.release();
    },
  };
}

type Read = Postgres["read"];
type Write = (statement: Statement) => Promise<Row[]>;

/** Run a statement that writes, and turn its errors into those of the port. */
async function writeRecords(link: Link, statement: Statement): Promise<Row[]> {
  const connection = await link.get();
  try {
    return await connection.query(statement);
  } catch (error) {
    if (isDuplicate(error)) {
      throw new RecordExistsError("a record with this id, digest or name exists", {
        cause: error,
      });
    }
    const outcome = outcomeFromError(error);
    if (outcome === "bug") throw error;
    if (outcome !== "ambiguous") throw unavailableFrom(error);
    connection.destroy();
    throw new OutcomeUnknownError("the connection was lost during a commit", { cause: error });
  }
}

function organizationsAndAccounts(read: Read) {
  return {
    async organization(id) {
      const [row] = await read({ text: "select * from organizations where id = $1", values: [id] });
      return row && organizationFromRow(row);
    },

    async organizations() {
      const text = "select * from organizations order by created_at, ordinal";
      return (await read({ text })).map(organizationFromRow);
    },

    async serviceAccount(id) {
      const [row] = await read({
        text: "select * from service_accounts where id = $1",
        values: [id],
      });
      return row && accountFromRow(row);
    },

    async serviceAccounts(scope) {
      const isWithin = isOwned(dialect, raw("organization"), scope);
      const accounts = sql`select * from service_accounts where ${isWithin} order by created_at, id`;
      return (await read(statementOf(accounts))).map(accountFromRow);
    },

    async serviceAccountByName(organization, name) {
      const [row] = await read({
        text: "select * from service_accounts where organization = $1 and name = $2",
        values: [organization, name],
      });
      return row && accountFromRow(row);
    },
  } satisfies Partial<Directory>;
}

function tokens(read: Read, write: Write) {
  return {
    async tokenByDigest(digest) {
      const [row] = await read({
        name: "token-by-digest",
        text: `select ${tokenColumns} where t.digest = $1`,
        values: [digest],
      });
      return row && tokenFromRow(row);
    },

    async tokens() {
      const text = `select ${tokenColumns} order by t.created_at, t.ordinal`;
      return (await read({ text })).map(tokenFromRow);
    },

    async revokeToken(id, at) {
      const rows = await write({
        text: `update tokens set revoked_at = coalesce(revoked_at, $2::bigint)
          where id = $1 returning id`,
        values: [id, at],
      });
      return rows.length > 0;
    },
  } satisfies Partial<Directory>;
}

function memberships(read: Read, write: Write) {
  return {
    async memberships(subject) {
      const rows = await read({
        name: "memberships",
        text: "select * from memberships where subject = $1 order by ordinal limit $2",
        values: [subject, maxMemberships],
      });
      return rows.map(membershipFromRow);
    },

    async everyMembership() {
      const text = "select * from memberships order by ordinal";
      return (await read({ text })).map(membershipFromRow);
    },

    async removeMembership({ subject, organization, role }) {
      const rows = await write({
        text: `delete from memberships
          where subject = $1::text and coalesce(organization, '') = coalesce($2::text, '')
            and role = $3::text
          returning ordinal`,
        values: [subject, organization ?? null, role],
      });
      return rows.length > 0;
    },
  } satisfies Partial<Directory>;
}

/** @param permit A statement that returns a row if the records may be written. */
function insertText(permit: string): string {
  return `with permit as (${permit}),
    o as (
      insert into organizations (id, name, created_at)
      select id, name, created_at
      from unnest($1::text[], $2::text[], $3::bigint[]) as r (id, name, created_at)
      where exists (select 1 from permit)
    ),
    a as (
      insert into service_accounts (id, organization, name, created_at)
      select id, organization, name, created_at
      from unnest($4::text[], $5::text[], $6::text[], $7::bigint[])
        as r (id, organization, name, created_at)
      where exists (select 1 from permit)
    ),
    t as (
      insert into tokens (id, digest, account, created_at, expires_at, revoked_at)
      select id, digest, account, created_at, expires_at, revoked_at
      from unnest($8::text[], $9::text[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[])
        as r (id, digest, account, created_at, expires_at, revoked_at)
      where exists (select 1 from permit)
    ),
    m as (
      insert into memberships (subject, organization, role)
      select subject, organization, role
      from unnest($14::text[], $15::text[], $16::text[]) as r (subject, organization, role)
      where exists (select 1 from permit)
      on conflict do nothing
    )
    select 1 from permit`;
}

function valuesOf(records: NewRecords): unknown[] {
  const { organizations = [], serviceAccounts = [], tokens = [], memberships = [] } = records;
  return [
    organizations.map(({ id }) => id),
    organizations.map(({ name }) => name),
    organizations.map(({ createdAt }) => createdAt),
    serviceAccounts.map(({ id }) => id),
    serviceAccounts.map(({ organization }) => organization),
    serviceAccounts.map(({ name }) => name),
    serviceAccounts.map(({ createdAt }) => createdAt),
    tokens.map(({ id }) => id),
    tokens.map(({ digest }) => digest),
    tokens.map(({ account }) => account),
    tokens.map(({ createdAt }) => createdAt),
    tokens.map(({ expiresAt }) => expiresAt ?? null),
    tokens.map(({ revokedAt }) => revokedAt ?? null),
    memberships.map(({ subject }) => subject),
    memberships.map(({ organization }) => organization ?? null),
    memberships.map(({ role }) => role),
  ];
}
