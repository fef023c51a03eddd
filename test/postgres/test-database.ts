import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import pg from "pg";
import { inject } from "vitest";

/**
 * Create an empty database, on the server that `GIRAFFE_TEST_POSTGRES_URL` names, or on the one that
 * the run brings. A server of the run is thrown away with all its databases; on another one, they are
 * dropped at the end of the test file if nobody uses them any more.
 *
 * @returns Its URL.
 */
export async function createTestDatabase(): Promise<string> {
  const url = new URL(await postgresUrl());
  const name = `giraffe_${randomUUID().replaceAll("-", "")}`;
  await execute(url.href, `create database ${name}`);
  url.pathname = `/${name}`;
  return url.href;
}

/** Run SQL on a connection of its own; returns the rows of the last statement. */
export async function execute(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const result = await client.query(sql);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  } finally {
    await client.end();
  }
}

async function postgresUrl(): Promise<string> {
  const given = process.env.GIRAFFE_TEST_POSTGRES_URL;
  if (given) return given;
  const { url, problem } = JSON.parse(await text(connect(inject("postgresDoor"), "127.0.0.1")));
  if (url === undefined) throw new Error(`PostgreSQL does not start: ${problem}`);
  return url;
}
