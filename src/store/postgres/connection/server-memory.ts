import { sqlStateOf } from "../postgres-error.ts";
import type { Connection } from "./connection.ts";

/** The identity of a server. */
export type ServerIdentity = {
  /** The same for a primary and all its standbys. */
  readonly system: string;
  /** Goes up by one each time a standby becomes the primary. */
  readonly timeline: number;
  /** The part of a Citus cluster that it is the primary of; 0 for any other server. */
  readonly group: number;
};

/**
 * The primaries that this process has used. An old primary that comes back after a failover still accepts
 * writes, but lacks what the new one has acknowledged. The operator must shut it down; until then we refuse
 * to use it.
 */
export type ServerMemory = {
  /**
   * Remember the server of a connection, if it is the same as before or its successor.
   *
   * @param retire Called once if a successor is found later.
   * @returns To be called when the connection has ended.
   * @throws Error if the server is older, or belongs to another cluster.
   */
  admit(identity: ServerIdentity, retire: () => void): () => void;
};

export function createServerMemory(): ServerMemory {
  const groups = new Map<number, ReturnType<typeof createGroupMemory>>();
  return {
    admit(identity, retire) {
      const known = groups.get(identity.group) ?? createGroupMemory();
      groups.set(identity.group, known);
      return known.admit(identity, retire);
    },
  };
}

function createGroupMemory(): ServerMemory {
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
 * Read the identity of a primary. The control file has the timeline of the last checkpoint, which may be
 * older than a promotion. The name of the current log file has the current timeline.
 *
 * @returns `undefined` if the engine does not have this, or the role must not read it.
 */
export async function askIdentity(query: Connection["query"]): Promise<ServerIdentity | undefined> {
  try {
    const [row] = await query({
      text: `select system_identifier::text as system,
        substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline,
        to_regclass('pg_dist_local_group') is not null as grouped
        from pg_control_system()`,
    });
    return {
      system: String(row?.system),
      timeline: Number.parseInt(String(row?.timeline), 16),
      group: row?.grouped === true ? await askGroup(query) : 0,
    };
  } catch (error) {
    if (Object.values(cannotTell).some((code) => code === sqlStateOf(error))) return undefined;
    throw error;
  }
}

async function askGroup(query: Connection["query"]): Promise<number> {
  const [row] = await query({ text: "select groupid from pg_dist_local_group" });
  return Number(row?.groupid);
}
