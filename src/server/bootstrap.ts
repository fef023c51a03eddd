import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createTokenSecret } from "../access/personal-access-token.ts";
import { ServiceError } from "../domain/errors.ts";
import { advance } from "../domain/human.ts";
import { type HumanState, initialState } from "../domain/human-state.ts";
import { genders } from "../domain/profile.ts";
import type { Directory, NewRecords } from "../store/directory.ts";
import { type EventStore, type Micros, OutcomeUnknownError } from "../store/event-store.ts";

/** The first organization. ZITADEL's documentation uses this id, so its examples work unchanged. */
export const organizationId = "69629023906488334";
/** The demo user. ZITADEL's documentation uses this id, too. */
export const demoUserId = "163840776835432705";

const demoUser = {
  type: "add",
  userName: "gigi@giraffe.example",
  email: "gigi@giraffe.example",
  isEmailVerified: true,
  phone: "",
  isPhoneVerified: false,
  profile: {
    firstName: "Gigi",
    lastName: "Giraffe",
    nickName: "",
    displayName: "Gigi Giraffe",
    preferredLanguage: "en",
    gender: genders.unspecified,
  },
} as const;

/** The database is empty, and no file is configured for its first token. */
export class TokenFileMissingError extends Error {
  override readonly name = "TokenFileMissingError";
}

/**
 * Set up an empty database: an organization, the service account `admin` with the role IAM_OWNER, and a
 * token of `admin` in a file that only its owner can read.
 *
 * The organization is written last, so an interrupted start leaves the database empty and the next start
 * tries again. The token file gets its name after that: if several servers start at once, only one of
 * them creates the organization, and its token is kept.
 *
 * @param options.demo Add the demo human, too.
 * @returns Whether the database was empty.
 * @throws TokenFileMissingError if it was, and there is no `adminTokenFile`.
 */
export async function bootstrap(
  store: EventStore,
  directory: Directory,
  options: {
    readonly adminTokenFile: string | undefined;
    readonly demo: boolean;
    readonly newId: () => string;
    readonly now: () => Micros;
  },
): Promise<boolean> {
  const { adminTokenFile, demo, newId, now } = options;
  if ((await directory.organizations()).length > 0) return false;
  if (adminTokenFile === undefined) throw new TokenFileMissingError("no place for the first token");
  const { secret, admin, records } = firstRecords(newId, now());
  if (demo) await addDemoUser(store, admin);
  return withSecret(adminTokenFile, secret, () => directory.found(records));
}

/**
 * Write a secret beside its file, and give it its name when it counts.
 *
 * @param keep Resolves to false if the secret does not count, because another server was faster. Then nothing is left of it.
 */
async function withSecret(
  file: string,
  secret: string,
  keep: () => Promise<boolean>,
): Promise<boolean> {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`the first token cannot be written: ${file} is a folder`);
  }
  const draft = `${file}.${randomUUID()}`;
  writeSecret(draft, secret);
  let isKept = false;
  try {
    isKept = await keep();
  } catch (error) {
    // Whether the token is stored is open then, so it must not be lost.
    if (!(error instanceof OutcomeUnknownError)) rmSync(draft);
    throw error;
  }
  if (isKept) renameSync(draft, file);
  else rmSync(draft);
  return isKept;
}

/** The records that every empty database gets, the secret of the token among them, and the id of `admin`. */
export function firstRecords(newId: () => string, createdAt: Micros) {
  const admin = { id: newId(), organization: organizationId, name: "admin", createdAt };
  const { secret, digest } = createTokenSecret();
  const records = {
    organizations: [{ id: organizationId, name: "Giraffe", createdAt }],
    serviceAccounts: [admin],
    memberships: [{ subject: admin.id, organization: undefined, role: "IAM_OWNER" }],
    tokens: [
      {
        id: newId(),
        digest,
        account: admin.id,
        createdAt,
        expiresAt: undefined,
        revokedAt: undefined,
      },
    ],
  } satisfies NewRecords;
  return { secret, admin: admin.id, records };
}

async function addDemoUser(store: EventStore, creator: string): Promise<void> {
  try {
    await store.change<HumanState>(demoUserId, organizationId, (head) => {
      const { events, ...next } = advance(demoUser, head?.state ?? initialState);
      return { events: events.map((event) => ({ ...event, creator })), ...next };
    });
  } catch (error) {
    // The user exists: an interrupted start has added it, or another server just now.
    if (!(error instanceof ServiceError)) throw error;
  }
}

function writeSecret(file: string, secret: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: "wx" });
}
