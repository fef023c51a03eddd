import type { DatabaseSync } from "node:sqlite";
import {
  type Directory,
  maxMemberships,
  type NewRecords,
  RecordExistsError,
} from "../directory.ts";
import { isOwned } from "../search/condition-sql.ts";
import {
  accountFromRow,
  membershipFromRow,
  organizationFromRow,
  tokenColumns,
  tokenFromRow,
} from "../sql/directory-rows.ts";
import { raw, sql } from "../sql/sql.ts";
import type { Sqlite } from "./database.ts";
import { dialect } from "./search.ts";
import { isDuplicate, withStoreErrors } from "./sqlite-error.ts";
import { readRows } from "./statement.ts";
import { transact } from "./transaction.ts";

/**
 * A directory in a SQLite database. Everything runs on the calling thread: its writes are few.
 *
 * Besides the port's errors every operation throws StoreUnavailableError if the database cannot be
 * read, or cannot be written within 5 s; nothing was stored then.
 */
export function createSqliteDirectory(database: Sqlite): Directory {
  const db = database.acquire();
  const statements = prepareStatements(db);
  const insert = (records: NewRecords) => insertRecords(statements, records);
  let released = false;

  return {
    async add(records) {
      guard(() => transact(db, () => insert(records)));
    },

    async found(records) {
      return guard(() =>
        transact(db, () => {
          if (statements.selectOrganizations.get() !== undefined) return false;
          insert(records);
          return true;
        }),
      );
    },

    ...organizationsAndAccounts(db, statements),
    ...tokens(db, statements),
    ...memberships(db, statements),

    async close() {
      if (released) return;
      released = true;
      database.release();
    },
  };
}

type Statements = ReturnType<typeof prepareStatements>;

function organizationsAndAccounts(db: DatabaseSync, statements: Statements) {
  return {
    async organization(id) {
      const row = guard(() => statements.selectOrganization.get(id));
      return row && organizationFromRow(row);
    },

    async organizations() {
      return guard(() => statements.selectOrganizations.all().map(organizationFromRow));
    },

    async serviceAccount(id) {
      const row = guard(() => statements.selectAccount.get(id));
      return row && accountFromRow(row);
    },

    async serviceAccounts(scope) {
      const isWithin = isOwned(dialect, raw("organization"), scope);
      const accounts = sql`select * from service_accounts where ${isWithin} order by created_at, rowid`;
      return guard(() => readRows(db, accounts).map(accountFromRow));
    },

    async serviceAccountByName(organization, name) {
      const row = guard(() => statements.selectAccountByName.get(organization, name));
      return row && accountFromRow(row);
    },
  } satisfies Partial<Directory>;
}

function tokens(db: DatabaseSync, statements: Statements) {
  return {
    async tokenByDigest(digest) {
      const row = guard(() => statements.selectTokenByDigest.get(digest));
      return row && tokenFromRow(row);
    },

    async tokens() {
      return guard(() => statements.selectTokens.all().map(tokenFromRow));
    },

    async revokeToken(id, at) {
      return guard(() => transact(db, () => statements.updateToken.run(at, id).changes === 1));
    },
  } satisfies Partial<Directory>;
}

function memberships(db: DatabaseSync, statements: Statements) {
  return {
    async memberships(subject) {
      return guard(() =>
        statements.selectMemberships.all(subject, maxMemberships).map(membershipFromRow),
      );
    },

    async everyMembership() {
      return guard(() => statements.selectEveryMembership.all().map(membershipFromRow));
    },

    async removeMembership({ subject, organization, role }) {
      const remove = () =>
        statements.deleteMembership.run(subject, organization ?? null, role).changes === 1;
      return guard(() => transact(db, remove));
    },
  } satisfies Partial<Directory>;
}

function guard<Result>(work: () => Result): Result {
  try {
    return withStoreErrors(work);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new RecordExistsError("a record with this id, digest or name exists", { cause: error });
  }
}

function prepareStatements(db: DatabaseSync) {
  return {
    insertOrganization: db.prepare(
      "insert into organizations (id, name, created_at) values (?, ?, ?)",
    ),
    insertAccount: db.prepare(
      "insert into service_accounts (id, organization, name, created_at) values (?, ?, ?, ?)",
    ),
    insertToken: db.prepare(
      `insert into tokens (id, digest, account, created_at, expires_at, revoked_at)
       values (?, ?, ?, ?, ?, ?)`,
    ),
    insertMembership: db.prepare(
      `insert into memberships (subject, organization, role) values (?, ?, ?)
       on conflict do nothing`,
    ),
    selectOrganization: db.prepare("select * from organizations where id = ?"),
    selectOrganizations: db.prepare("select * from organizations order by created_at, rowid"),
    selectAccount: db.prepare("select * from service_accounts where id = ?"),
    selectAccountByName: db.prepare(
      "select * from service_accounts where organization = ? and name = ?",
    ),
    selectTokenByDigest: db.prepare(`select ${tokenColumns} where t.digest = ?`),
    selectTokens: db.prepare(`select ${tokenColumns} order by t.created_at, t.rowid`),
    updateToken: db.prepare("update tokens set revoked_at = ifnull(revoked_at, ?) where id = ?"),
    selectMemberships: db.prepare(
      "select * from memberships where subject = ? order by rowid limit ?",
    ),
    selectEveryMembership: db.prepare("select * from memberships order by rowid"),
    deleteMembership: db.prepare(
      `delete from memberships
       where subject = ? and ifnull(organization, '') = ifnull(?, '') and role = ?`,
    ),
  };
}

function insertRecords(statements: Statements, records: NewRecords): void {
  for (const { id, name, createdAt } of records.organizations ?? []) {
    statements.insertOrganization.run(id, name, createdAt);
  }
  for (const { id, organization, name, createdAt } of records.serviceAccounts ?? []) {
    statements.insertAccount.run(id, organization, name, createdAt);
  }
  for (const { id, digest, account, createdAt, expiresAt, revokedAt } of records.tokens ?? []) {
    statements.insertToken.run(
      id,
      digest,
      account,
      createdAt,
      expiresAt ?? null,
      revokedAt ?? null,
    );
  }
  for (const { subject, organization, role } of records.memberships ?? []) {
    statements.insertMembership.run(subject, organization ?? null, role);
  }
}
