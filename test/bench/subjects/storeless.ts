import { createFailedAttempts } from "../../../src/access/failed-attempts.ts";
import {
  createPersonalAccessTokenAuthenticator,
  createTokenSecret,
} from "../../../src/access/personal-access-token.ts";
import { errorDomain } from "../../../src/rpc/errors.ts";
import { createReadiness } from "../../../src/rpc/health.ts";
import {
  createInterceptors,
  createRequestGate,
  createRoutes,
  restPrefixes,
} from "../../../src/rpc/routes.ts";
import type { Decide, EventStore, Head } from "../../../src/store/event-store.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { addressGroup, createListener, peerKey, waiterKey } from "../../../src/wire/index.ts";
import { firstState, organization, userIds } from "../users.ts";

/**
 * The whole service, but changes are kept in a Map and answered at once: what a call costs without a
 * store. Prints where it listens and the token.
 */

const now = () => Date.now() * 1_000;
const heads = new Map<string, Head<unknown>>(
  userIds(Number(process.argv[2])).map((id, index) => [
    id,
    { version: 1, organization, createdAt: now(), changedAt: now(), state: firstState(index) },
  ]),
);

const store: EventStore = {
  async change<State>(stream: string, _organization: string, decide: Decide<State>) {
    const head = heads.get(stream) as Head<State> | undefined;
    const { state } = decide(head);
    const changed = {
      organization,
      version: (head?.version ?? 0) + 1,
      createdAt: head?.createdAt ?? now(),
      changedAt: now(),
      state,
    };
    heads.set(stream, changed);
    return changed;
  },
  changeAll: async () => [],
  load: async <State>(stream: string) => heads.get(stream) as Head<State> | undefined,
  loadOnInstance: async <State>(stream: string) => heads.get(stream) as Head<State> | undefined,
  outlineAttributes: async () => undefined,
  findAttributes: async () => undefined,
  readAttributes: async () => [],
  history: async () => [],
  outlineHistory: async () => [],
  search: async () => ({ total: 0, results: [] }),
  locate: async () => undefined,
  receipts: { begin: async () => undefined, find: async () => undefined, keep: async () => true },
  ping: async () => {},
  close: async () => {},
};

const directory = createSqliteDirectory(openSqlite(":memory:"));
const { secret, digest } = createTokenSecret();
const account = { id: "1", organization, name: "bench", createdAt: now() };
await directory.add({
  organizations: [{ id: organization, name: "Bench", createdAt: now() }],
  serviceAccounts: [account],
  memberships: [{ subject: "1", organization: undefined, role: "IAM_OWNER" }],
  tokens: [
    { id: "2", digest, account: "1", createdAt: now(), expiresAt: undefined, revokedAt: undefined },
  ],
});

const parts = {
  store,
  directory,
  readiness: createReadiness(),
  newId: () => "3",
  now,
  authenticators: [createPersonalAccessTokenAuthenticator(directory, { now })],
  failures: createFailedAttempts({ now, groupOf: addressGroup }),
  defaultLanguage: "en",
  deprecationHeaders: false,
  requiresIfMatch: false,
  peer: (values: Parameters<Parameters<typeof createRequestGate>[0]["peer"]>[0]) =>
    values.get(peerKey),
  requestId: () => "4",
  waiter: (values: Parameters<Parameters<typeof createRequestGate>[0]["waiter"]>[0]) =>
    values.get(waiterKey),
};
const listener = createListener({
  routes: createRoutes(parts),
  requestGate: createRequestGate(parts),
  interceptors: createInterceptors(parts),
  restPrefixes,
  limits: { maxMessageBytes: 65_536, defaultDeadlineMs: 10_000, maxDeadlineMs: 60_000 },
  cors: { origins: [], requestHeaders: [], answerHeaders: [] },
  headers: {},
  errorDomain,
  pages: new Map(),
  observe: () => {},
});
const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`ready ${port} ${secret}\n`);
