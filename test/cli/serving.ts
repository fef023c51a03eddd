import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished } from "vitest";
import { type Program, runGiraffe, startGiraffe } from "../support/child.ts";

/** What `--demo` puts into an empty database. */
export const demo = { userId: "163840776835432705", organization: "69629023906488334" } as const;

/** A server in a process of its own. It is killed when the test is over. */
export type Serving = Program & {
  readonly url: string;
};

/** A place for one database. It is removed when the test is over. */
export type Place = {
  readonly folder: string;
  /** As `--database` takes it. */
  readonly database: string;
  /** Start a server on the database and wait until it is ready. */
  serve(...flags: string[]): Promise<Serving>;
  /** Run an admin command on the database. */
  administer(...argv: string[]): ReturnType<typeof runGiraffe>;
  /** The token that the first server wrote. */
  token(): string;
};

/** @param url Of an empty database on PostgreSQL. Default: SQLite. */
export function createPlace(url?: string): Place {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = url ?? `sqlite:${join(folder, "giraffe.db")}`;
  const tokenFile = url === undefined ? [] : ["--admin-token-file", join(folder, "admin.token")];
  return {
    folder,
    database,
    serve: (...flags) => serve("--database", database, ...tokenFile, ...flags),
    administer: (...argv) => runGiraffe(...argv, "--database", database),
    token: () => readFileSync(join(folder, "admin.token"), "utf8").trim(),
  };
}

/** Start a server on a free port, unless the flags name another, and wait until it is ready. */
async function serve(...flags: string[]): Promise<Serving> {
  const program = startGiraffe(["serve", "--listen", "127.0.0.1:0", ...flags]);
  onTestFinished(async () => {
    program.kill("SIGKILL");
    await program.ended;
  });
  const [, url = ""] = await program.until("stdout", /^ready (\S+)\n/m);
  return { ...program, url };
}

type RestAnswer = { readonly status: number; readonly body: Record<string, unknown> };

/** Call REST; returns the status of HTTP and the body. */
export function callRest(
  method: string,
  url: string,
  token: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<RestAnswer> {
  return fetchJson(url, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/**
 * As `fetch`, of JSON. Other programs may leave the server too little of the processor. Then it refuses calls before it
 * begins with them, and they are made again.
 */
export async function fetchJson(url: string, init: RequestInit): Promise<RestAnswer> {
  for (;;) {
    const answer = await fetch(url, init);
    const body = (await answer.json()) as Record<string, unknown>;
    if (body.message !== "the server is overloaded") return { status: answer.status, body };
    await pause(100);
  }
}

/** The profile of the demo user. */
export function profileUrl({ url }: { readonly url: string }): string {
  return `${url}/management/v1/users/${demo.userId}/profile`;
}

/** A profile for the demo user. */
export const profile = {
  firstName: "Gigi",
  lastName: "Giraffe",
  nickName: "Gigi",
  displayName: "Gigi",
  preferredLanguage: "en",
  gender: "GENDER_UNSPECIFIED",
};
const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/);

/** The answer to a change of the demo user. */
export const changed = (sequence: string) => ({
  status: 200,
  body: {
    details: {
      sequence,
      creationDate: isoTime,
      changeDate: isoTime,
      resourceOwner: demo.organization,
    },
  },
});
