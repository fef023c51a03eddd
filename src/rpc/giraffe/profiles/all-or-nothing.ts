import type { HandlerContext } from "@connectrpc/connect";
import { advance } from "../../../domain/human.ts";
import type { HumanState } from "../../../domain/human-state.ts";
import type { Head } from "../../../store/event-store.ts";
import type { JointReceipt } from "../../../store/joint-change.ts";
import type { HumanStep } from "../../change-human.ts";
import { decideUnder } from "../../extras/decide.ts";
import { callerKey } from "../../gate/authenticate.ts";
import { requestIdKey } from "../../gate/note-call.ts";
import { reachHuman } from "../../user/reach-user.ts";
import { type Parts, type ReadUpdate, wish } from "./one-by-one.ts";
import type { CheckedUpdate } from "./read-update.ts";
import { hasRefusal, notStored, type Result } from "./results.ts";
import { sideBySide } from "./side-by-side.ts";

/** Names a receipt, and makes it of the results. */
export type ReceiptOfResults = Pick<JointReceipt, "owner" | "name"> & {
  readonly contentOf: (results: readonly Result[]) => Uint8Array;
};

/** The results of a batch that stores nothing: some updates were refused, or it is a dry run. */
class NothingToStore extends Error {
  readonly results: readonly Result[];

  constructor(results: readonly Result[]) {
    super("nothing to store");
    this.results = results;
  }
}

/**
 * Store all updates in one transaction, or none.
 *
 * Everything is looked at even after one update is refused, so that the caller learns of all of them.
 *
 * @param receipt Stored with the updates, if any of them changes something.
 */
export async function updateAllOrNothing(
  parts: Parts,
  context: HandlerContext,
  updates: readonly ReadUpdate[],
  receipt: ReceiptOfResults | undefined,
): Promise<Result[]> {
  const { values, signal } = context;
  const reached = await sideBySide(updates, (update) => reach(parts, context, update), signal);
  const members = reached.filter((each) => "stream" in each);
  const creator = values.get(callerKey)?.subject ?? "";
  const request = values.get(requestIdKey) || undefined;
  let steps: readonly HumanStep[] = [];
  try {
    const heads = await parts.store.changeAll<HumanState>(
      members,
      (latest) => {
        steps = decideAll(reached, latest);
        return {
          decisions: steps.map(({ events, ...rest }) => ({
            ...rest,
            request,
            events: events.map((event) => ({ ...event, creator })),
          })),
          receipt: receipt && {
            ...receipt,
            contentOf: (after) => receipt.contentOf(resultsOf(members, steps, after)),
          },
        };
      },
      signal,
    );
    return resultsOf(members, steps, heads);
  } catch (error) {
    if (error instanceof NothingToStore) return [...error.results];
    throw error;
  }
}

type Member = {
  readonly stream: string;
  readonly organization: string;
  readonly update: CheckedUpdate;
};

/** A user whom the caller may change, or why not. */
type Reached = Member | { readonly error: unknown };

async function reach(
  parts: Parts,
  { values }: HandlerContext,
  update: ReadUpdate,
): Promise<Reached> {
  if ("error" in update) return { error: update.error };
  try {
    const { organization } = await reachHuman(parts, values, update.userId, wish);
    return { stream: update.userId, organization, update };
  } catch (error) {
    return { error };
  }
}

/**
 * @param heads Of those that are reached, in their order.
 * @throws NothingToStore
 */
function decideAll(
  reached: readonly Reached[],
  heads: readonly (Head<HumanState> | undefined)[],
): HumanStep[] {
  const latest = heads.values();
  const steps: HumanStep[] = [];
  let isDryRun = false;
  const results = reached.map((each): Result => {
    if ("error" in each) return { kind: "refused", error: each.error };
    const head = latest.next().value;
    isDryRun ||= each.update.extras.isDryRun;
    try {
      const step = decide(each.update, head);
      steps.push(step);
      const { version = 0, createdAt = 0, changedAt = 0 } = head ?? {};
      const { stream: userId, organization } = each;
      const written = { userId, organization, version, createdAt, changedAt };
      return { kind: "done", written, isChanged: step.events.length > 0 };
    } catch (error) {
      return { kind: "refused", error, organization: each.organization };
    }
  });
  if (hasRefusal(results)) throw new NothingToStore(notStored(results));
  if (isDryRun) throw new NothingToStore(results);
  return steps;
}

function decide({ extras, profile }: CheckedUpdate, head: Head<HumanState> | undefined): HumanStep {
  const command = { type: "change-profile", profile } as const;
  return decideUnder(extras, (state) => advance(command, state), head);
}

function resultsOf(
  members: readonly Member[],
  steps: readonly HumanStep[],
  heads: readonly Omit<Head<unknown>, "state">[],
): Result[] {
  return members.map(({ stream: userId }, place) => {
    const { version, organization, createdAt, changedAt } = heads[place] as Head<unknown>;
    const written = { userId, version, organization, createdAt, changedAt };
    return { kind: "done", written, isChanged: (steps[place]?.events.length ?? 0) > 0 };
  });
}
