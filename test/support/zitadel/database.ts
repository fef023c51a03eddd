import { Client } from "pg";
import { present } from "./files.ts";
import type { World } from "./world.ts";

/** The name of the instance in the tables; there is another one, which nobody asks for. */
export const instance = "90000000000000000";

/** The columns of ZITADEL's tables that an import reads (cmd/initialise/sql, internal/query/projection). */
const tables = `
  create schema eventstore; create schema projections;
  create table eventstore.events2 (
    instance_id text not null, aggregate_type text not null, aggregate_id text not null,
    event_type text not null, "sequence" bigint not null, revision smallint not null,
    created_at timestamptz not null, payload jsonb, creator text not null, "owner" text not null,
    "position" decimal not null, in_tx_order integer not null,
    primary key (instance_id, aggregate_type, aggregate_id, "sequence"));
  create table projections.orgs1 (id text, instance_id text, name text, primary key (instance_id, id));
  create table projections.users14 (
    id text, creation_date timestamptz, change_date timestamptz, sequence bigint, state smallint,
    resource_owner text, instance_id text, username text, type smallint, primary key (instance_id, id));
  create table projections.users14_humans (
    user_id text, instance_id text, first_name text, last_name text, nick_name text, display_name text,
    preferred_language text, gender smallint, email text, is_email_verified boolean, phone text,
    is_phone_verified boolean, primary key (instance_id, user_id));
  create table projections.user_metadata5 (
    user_id text, instance_id text, key text, value bytea, primary key (instance_id, user_id, key));`;

const states = { active: 1, inactive: 2, locked: 4 } as const;

/** Make ZITADEL's tables in an empty database, and fill them with a made-up instance. */
export async function fillTables(url: string, world: World): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const insert = (table: string, rows: readonly object[]) =>
    client.query(
      `insert into ${table} select r.* from json_populate_recordset(null::${table}, $1) r`,
      [JSON.stringify(rows)],
    );
  try {
    await client.query(tables);
    const more = { instance_id: instance, revision: 2, position: 1, in_tx_order: 0 };
    await insert(
      "eventstore.events2",
      world.events.map((event) => ({ ...event, ...more })),
    );
    const foreign = world.events
      .slice(0, 1)
      .map((event) => ({ ...event, ...more, instance_id: "x" }));
    await insert("eventstore.events2", foreign);
    const organizations = world.organizations.filter(({ isRemoved }) => !isRemoved);
    await insert(
      "projections.orgs1",
      organizations.map(({ id, name }) => ({ id, name, ...more })),
    );
    for (const [table, rows] of Object.entries(projectedRows(world))) await insert(table, rows);
  } finally {
    await client.end();
  }
}

function projectedRows(world: World): Record<string, object[]> {
  const people = present(world);
  return {
    "projections.users14": people.map(({ person, shown }) => ({
      id: person.id,
      creation_date: person.creationDate,
      change_date: person.changeDate,
      sequence: person.sequence,
      state: states[shown.state],
      resource_owner: person.organization.id,
      instance_id: instance,
      username: shown.userName,
      type: 1,
    })),
    "projections.users14_humans": people.map(({ person, shown }) => ({
      user_id: person.id,
      instance_id: instance,
      first_name: shown.firstName,
      last_name: shown.lastName,
      nick_name: shown.nickName === "" ? null : shown.nickName,
      display_name: shown.displayName,
      preferred_language: shown.preferredLanguage === "und" ? null : shown.preferredLanguage,
      gender: shown.gender === 0 ? null : shown.gender,
      email: shown.email,
      is_email_verified: shown.isEmailVerified,
      phone: shown.phone === "" ? null : shown.phone,
      is_phone_verified: shown.phone === "" ? null : shown.isPhoneVerified,
    })),
    "projections.user_metadata5": people.flatMap(({ person, shown }) =>
      [...shown.metadata].map(([key, value]) => ({
        user_id: person.id,
        instance_id: instance,
        key,
        value: `\\x${value.toString("hex")}`,
      })),
    ),
  };
}

/** What `psql -At` prints of a statement with one column. */
export async function printed(url: string, statement: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  client.setTypeParser(114, (text) => text);
  try {
    const { rows } = await client.query({ text: statement, rowMode: "array" });
    return rows.map(([text]) => `${text}\n`).join("");
  } finally {
    await client.end();
  }
}
