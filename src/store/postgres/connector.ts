import { setTimeout as pause } from "node:timers/promises";
import { StoreUnavailableError } from "../event-store.ts";
import { type Connection, connect, type Purpose } from "./connection.ts";

export type Connector = {
  /** @throws StoreUnavailableError */
  connect(purpose: Purpose): Promise<Connection>;
};

/** How long an outage is waited out: a restart or a promotion takes less. */
export const outageMs = 5_000;
const firstPauseMs = 20;
const longestPauseMs = 200;

/**
 * Connect to the one server that writes.
 *
 * Hosts are tried in order, beginning with the one that was right last time; those that only read
 * are passed over. When none will do they are tried again, until 5 s after the beginning of the
 * outage. After that whoever asks is refused after one attempt, and at once within 0.2 s of a
 * failed one, until a server is back.
 *
 * @param urls One for each host.
 */
export function createConnector(urls: readonly string[]): Connector {
  let best = 0;
  let outage:
    | { readonly since: number; triedAt: number; problem: StoreUnavailableError }
    | undefined;

  async function connectOnce(purpose: Purpose): Promise<Connection> {
    const problems: string[] = [];
    let refusal: unknown;
    for (let step = 0; step < urls.length; step += 1) {
      const index = (best + step) % urls.length;
      const url = urls[index] as string;
      try {
        const connection = await connect(url, purpose);
        best = index;
        return connection;
      } catch (error) {
        refusal = error;
        problems.push(`${hostOf(url)}: ${reasonOf(error)}`);
      }
    }
    throw new StoreUnavailableError(`cannot open the database; ${problems.join("; ")}`, {
      cause: refusal,
    });
  }

  return {
    async connect(purpose) {
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
        const now = performance.now();
        const isOver = outage !== undefined && now - outage.since > outageMs;
        if (outage !== undefined && isOver && now - outage.triedAt < longestPauseMs) {
          throw outage.problem;
        }
        if (outage !== undefined) outage.triedAt = now;
        try {
          const connection = await connectOnce(purpose);
          outage = undefined;
          return connection;
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          outage ??= { since: now, triedAt: now, problem: error };
          outage.problem = error;
          if (isOver || isFinal(error.cause)) throw error;
        }
        await pause(pauseMs * (0.5 + Math.random()));
      }
    },
  };
}

/** It will be the same in a second: who may log in, which database, how durable. */
function isFinal(error: unknown): boolean {
  if (error instanceof StoreUnavailableError) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(?:28|3D)/.test(code);
}

/** Without user and password. */
function hostOf(url: string): string {
  return url.replace(/^[^@]*@|^[^/]*\/\//, "").replace(/[/?].*$/, "");
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
