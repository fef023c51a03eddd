import type { Tip } from "../../change/append.ts";
import {
  type CommitAll,
  type JointAppends,
  jointAppends,
  refusalFrom,
} from "../../change/joint-appends.ts";
import { createQueue } from "../../change/one-after-another.ts";
import { type Head, type Micros, OutcomeUnknownError } from "../../event-store.ts";
import type { DecideAll, Member } from "../../joint-change.ts";
import type { StoreObserver } from "../../observer.ts";
import { tipColumns, tipsFromRows } from "../../sql/rows.ts";
import type { Connection } from "../connection/connection.ts";
import type { Link } from "../connection/link.ts";
import { beginReadCommitted, rollBack } from "../connection/transaction.ts";
import type { Postgres } from "../database.ts";
import { rowWithHeldKeys } from "../held-keys.ts";
import { outcomeFromError, unavailableFrom } from "../postgres-error.ts";
import { maxRetries, pauseBeforeRetry } from "../retry.ts";
import { problemOfStreams } from "../shards/hanging-items.ts";
import { appendRows } from "./append-rows.ts";

type Options = {
  /** Of joint changes alone, because each is a transaction of several statements. */
  readonly link: Link;
  readonly database: Pick<Postgres, "keysOf" | "uniqueKeysOf" | "isCluster" | "shards" | "hanging">;
  readonly now: () => Micros;
  readonly retried: StoreObserver["retried"] | undefined;
};

/** What is to be done. */
type Wanted = { readonly members: readonly Member[]; readonly decide: DecideAll<unknown> };

/** What became of a transaction. */
type Attempt =
  | { readonly kind: "done"; readonly heads: readonly Head<unknown>[] }
  /** It was refused for what is stored. */
  | { readonly kind: "refused"; readonly error: unknown }
  /** Nothing of it was stored. */
  | { readonly kind: "failed"; readonly error: unknown; readonly mayTryAgain: boolean }
  | Lost;

/** The commit was sent, and its answer was lost. */
type Lost = { readonly kind: "lost"; readonly sent: JointAppends; readonly error: unknown };

/** How long to look for a lost commit before its outcome is called unknown. A failover takes less. */
const resolveMs = 10_000;

/**
 * Store joint changes, one at a time.
 *
 * The heads of all members are locked first, in the order in which every statement locks heads, so that two servers
 * never wait for each other in a circle. Under the locks the change is decided once, because nobody can be faster.
 *
 * If the answer to a commit is lost, the next transaction takes the same locks. Then the first one is over, and it
 * is stored if its first event is there.
 */
export function createJointCommit(options: Options): CommitAll {
  const inTurn = createQueue();
  return (members, decide, signal) =>
    inTurn(async () => {
      if (signal?.aborted) throw signal.reason;
      const problem = problemOfStreams(options.database, members);
      if (problem !== undefined) throw problem;
      return commitOne(options, { members, decide });
    });
}

async function commitOne(options: Options, wanted: Wanted): Promise<readonly Head<unknown>[]> {
  for (let retries = 0; ; retries += 1) {
    const attempt = await transact(options, wanted, undefined);
    if (attempt.kind === "done") return attempt.heads;
    if (attempt.kind === "lost") return resolve(options, wanted, attempt);
    const isLast = attempt.kind === "refused" || !attempt.mayTryAgain || retries === maxRetries;
    if (isLast) throw attempt.error;
    options.retried?.("refused");
    await pauseBeforeRetry();
  }
}

/** Find out what became of a transaction whose commit was not answered, and go on from there. */
async function resolve(
  options: Options,
  wanted: Wanted,
  first: Lost,
): Promise<readonly Head<unknown>[]> {
  const until = performance.now() + resolveMs;
  options.retried?.("ambiguous");
  for (let lost = first; performance.now() < until; ) {
    await pauseBeforeRetry();
    const attempt = await transact(options, wanted, lost.sent);
    if (attempt.kind === "done") return attempt.heads;
    if (attempt.kind === "refused") throw attempt.error;
    if (attempt.kind === "lost") lost = attempt;
  }
  throw new OutcomeUnknownError("a connection was lost during a commit", { cause: first.error });
}

/** @param lost What may be stored already. */
async function transact(
  { link, database, now }: Options,
  { members, decide }: Wanted,
  lost: JointAppends | undefined,
): Promise<Attempt> {
  let connection: Connection | undefined;
  let sent: JointAppends | undefined;
  try {
    connection = await link.get();
    await connection.query({ text: beginReadCommitted });
    const tips = await lockTips(connection, members, database.isCluster);
    const isStored = lost !== undefined && (await hasFirst(connection, lost));
    const joint = isStored ? lost : decideNow(() => jointAppends(members, tips, decide, now));
    if (!isStored) {
      await append(connection, joint, database);
      if (joint.appends.length > 0) sent = joint;
    }
    // Also after reads alone: whoever has locked rows waits for the standbys here, so what was read is safe.
    await connection.query({ text: "commit" });
    return { kind: "done", heads: joint.heads };
  } catch (error) {
    return afterError(error, connection, sent);
  }
}

/** The change is refused for what is stored; the cause says why. */
class Refused extends Error {
  /** Whether rows may be written that must not stay. */
  readonly hasWritten: boolean;

  constructor(cause: unknown, hasWritten: boolean) {
    super("refused", { cause });
    this.hasWritten = hasWritten;
  }
}

function decideNow(decide: () => JointAppends): JointAppends {
  try {
    return decide();
  } catch (error) {
    throw new Refused(error, false);
  }
}

async function append(
  connection: Connection,
  { appends }: JointAppends,
  { keysOf, uniqueKeysOf }: Options["database"],
): Promise<void> {
  const rows = appends.map((each) => rowWithHeldKeys(each, keysOf, uniqueKeysOf));
  const results = await appendRows(connection, rows);
  const first = results.find((result) => result !== "appended");
  const refusal = refusalFrom(first);
  if (refusal !== undefined) throw new Refused(refusal, true);
  if (first !== undefined) throw new Error(`a head was changed though it was locked: ${first}`);
}

/** In the order of the members. */
async function lockTips(
  connection: Connection,
  members: readonly Member[],
  isCluster: boolean,
): Promise<(Tip | undefined)[]> {
  const streams = members.map(({ stream }) => stream);
  // Rows of several nodes cannot be locked by one statement.
  if (isCluster) await connection.run(streams.toSorted().map(lockOf));
  const rows = await connection.query({
    name: isCluster ? "tips" : "lock-tips",
    text: isCluster ? tipsOf : `${tipsOf} order by stream for update`,
    values: [streams],
  });
  return tipsFromRows(rows, streams);
}

const tipsOf = `select ${tipColumns} from heads where stream = any ($1::text[])`;

const lockOf = (stream: string) => ({
  name: "lock-head",
  text: "select 1 from heads where stream = $1 for update",
  values: [stream],
});

/** All of a joint change is stored, or nothing is. */
async function hasFirst(connection: Connection, { appends: [first] }: JointAppends) {
  const rows = await connection.query({
    text: "select 1 from events where stream = $1 and version = $2::bigint and change = $3::uuid",
    values: [first?.stream, first?.head.version, first?.change],
  });
  return rows.length > 0;
}

/** @param sent What was to be committed, if the commit was sent. */
async function afterError(
  error: unknown,
  connection: Connection | undefined,
  sent: JointAppends | undefined,
): Promise<Attempt> {
  if (error instanceof Refused) return refuse(error, connection);
  const outcome = outcomeFromError(error);
  const isLost = outcome === "ambiguous" || outcome === "elsewhere";
  if (isLost) connection?.destroy();
  else if (connection?.isOpen()) await rollBack(connection);
  if (sent !== undefined && outcome === "ambiguous") return { kind: "lost", sent, error };
  const mayTryAgain = outcome === "retry" || isLost;
  return { kind: "failed", error: outcome === "bug" ? error : unavailableFrom(error), mayTryAgain };
}

/** A refusal that rests on what was read is given when that is on the standbys, too. */
async function refuse(
  { cause, hasWritten }: Refused,
  connection: Connection | undefined,
): Promise<Attempt> {
  try {
    await connection?.query({ text: hasWritten ? "rollback" : "commit" });
    return { kind: "refused", error: cause };
  } catch (error) {
    return afterError(error, connection, undefined);
  }
}
