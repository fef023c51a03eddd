import { sqlStateOf } from "../postgres-error.ts";
import type { Connection } from "./connection.ts";

/** Which server one talks to. */
export type ServerIdentity = {
  /** The same for a primary and all its standbys. */
  readonly system: string;
  /** Goes up by one each time a standby becomes the primary. */
  readonly timeline: number;
};

/**
 * What a process knows of the primaries it has used. An old primary that comes back after a failover
 * still accepts writes, and knows nothing of what the new one has acknowledged; fencing it off is up
 * to the operator, but it is not followed.
 */
export type ServerMemory = {
  /**
   * Remember the server of a connection, if it is the one of before or a successor of it.
   *
   * @param retire Called once if a successor is met later.
   * @returns To be called when the connection has ended.
   * @throws Error if the server is an older one, or another one altogether.
   */
  admit(identity: ServerIdentity, retire: () => void): () => void;
};

export function createServerMemory(): ServerMemory {
  let latest: ServerIdentity | undefined;
  const retirers = new Set<() => void>();

  return {
    admit(identity, retire) {
      if (latest !== undefined) assertSuccessor(identity, latest);
      const isNew = latest !== undefined && identity.timeline > latest.timeline;
      latest = identity;
      if (isNew) for (const retireOlder of [...retirers]) retireOlder();
      if (isNew) retirers.clear();
      retirers.add(retire);
      return () => void retirers.delete(retire);
    },
  };
}

function assertSuccessor({ system, timeline }: ServerIdentity, latest: ServerIdentity): void {
  if (system !== latest.system) {
    throw new Error(
      `it is another database cluster (system identifier ${system}, was ${latest.system}): ` +
        "restart Giraffe if that is meant to be",
    );
  }
  if (timeline < latest.timeline) {
    throw new Error(
      `it is an old primary (timeline ${timeline}, was ${latest.timeline}) and lacks what the new ` +
        "one has acknowledged: shut it down",
    );
  }
}

const cannotTell = {
  featureNotSupported: "0A000",
  insufficientPrivilege: "42501",
  undefinedFunction: "42883",
} as const;

/**
 * Ask a primary who it is. The control file tells the timeline of the last checkpoint, which may be
 * from before a promotion; the name of the log's current file tells the present one.
 *
 * @returns `undefined` if the engine does not know such things, or the role must not.
 */
export async function askIdentity(query: Connection["query"]): Promise<ServerIdentity | undefined> {
  try {
    const [row] = await query({
      text: `select system_identifier::text as system,
        substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline from pg_control_system()`,
    });
    return { system: String(row?.system), timeline: Number.parseInt(String(row?.timeline), 16) };
  } catch (error) {
    if (Object.values(cannotTell).some((code) => code === sqlStateOf(error))) return undefined;
    throw error;
  }
}
