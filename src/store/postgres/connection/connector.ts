import { StoreUnavailableError } from "../../event-store.ts";
import { messageOf, UnsafeServerError } from "../postgres-error.ts";
import type { Connection } from "./connection.ts";
import { askIdentity, type ServerMemory } from "./server-memory.ts";
import {
  applySettings,
  assertPrimary,
  fixedWriterSettings,
  usualSettings,
  writerSettings,
} from "./server-settings.ts";
import { openSession } from "./session.ts";
import { hostsOf, type PostgresHost } from "./url.ts";

/** What a connection is for. */
export type ConnectionOptions = {
  /** Send statements before earlier ones are answered. */
  readonly pipeline?: boolean;
  /** For statements that write: a warning then ends the connection, because the commit may not be safe. */
  readonly writes?: boolean;
  /** The primaries that were used before; older ones are refused. Default: any primary is accepted. */
  readonly memory?: ServerMemory;
};

/**
 * Connect to the first host that is a primary, in the order of the URL.
 *
 * node-postgres knows neither several hosts nor `target_session_attrs`.
 *
 * @throws StoreUnavailableError if there is none now; says why of each host.
 * @throws UnsafeServerError if the primary may lose acknowledged changes, or cannot store all texts.
 */
export async function connectToPrimary(
  url: string,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const failures: string[] = [];
  for (const host of hostsOf(url)) {
    try {
      return await connectToHost(host, options);
    } catch (error) {
      if (error instanceof UnsafeServerError) throw error;
      failures.push(`${host.host}: ${messageOf(error)}`);
    }
  }
  throw new StoreUnavailableError(`no primary can be reached (${failures.join("; ")})`);
}

/**
 * Connect to one server as a URL says, in place of its hosts.
 *
 * @param place A host with its port, as in a URL.
 * @throws Error if it cannot be reached, is no primary, or is older than those that were used before.
 */
export async function connectToPlace(
  url: string,
  place: string,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const [host] = hostsOf(url, place);
  if (host === undefined) throw new StoreUnavailableError("the URL names no host");
  return connectToHost(host, options);
}

/**
 * Connect to all hosts of a URL, and remember the primary with the latest timeline, because after a failover
 * the old primary may be back and come first in the URL.
 */
export async function rememberPrimaries(url: string, memory: ServerMemory): Promise<void> {
  const hosts = hostsOf(url);
  if (hosts.length === 1) return;
  const attempts = await Promise.allSettled(hosts.map((host) => connectToHost(host, {})));
  for (const attempt of attempts) {
    if (attempt.status === "rejected") continue;
    const { identity, close } = attempt.value;
    await close();
    if (identity === undefined) continue;
    try {
      memory.admit(identity, () => {})();
    } catch {
      // It is an old primary. `connectToPrimary` refuses it with a message if it gets there.
    }
  }
}

async function connectToHost(
  host: PostgresHost,
  { pipeline = false, writes = false, memory }: ConnectionOptions,
): Promise<Connection> {
  const session = await openSession(host, pipeline);
  try {
    await assertPrimary(session, () => openSession(host, false));
    const wanted = { ...usualSettings, ...(writes && writerSettings), ...host.settings };
    await applySettings(session, { ...wanted, ...(writes && fixedWriterSettings) });
    const identity = await askIdentity(session.query);
    const forget = identity && memory?.admit(identity, session.destroy);
    if (forget !== undefined) session.whenEnded(forget);
    session.heedWarnings(writes);
    return { ...session, identity };
  } catch (error) {
    session.destroy();
    throw error;
  }
}
