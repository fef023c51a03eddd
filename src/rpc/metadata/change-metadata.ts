import type { HandlerContext } from "@connectrpc/connect";
import { LRUCache } from "lru-cache";
import type { HumanState } from "../../domain/human-state.ts";
import {
  advanceMetadata,
  type KnownMetadata,
  keysOfCommand,
  type MetadataCommand,
  type MetadataEntry,
  type MetadataStep,
  type MetadataTotal,
  metadataChangesOf,
  noMetadata,
} from "../../domain/metadata.ts";
import { digestOf } from "../../store/attributes.ts";
import { type EventStore, type Head, StoreOverloadedError } from "../../store/event-store.ts";
import { changeHumanBy, type HumanStep } from "../change-human.ts";
import { createTurns } from "./turns.ts";

type Context = Pick<HandlerContext, "values" | "signal">;

/**
 * Decides a change of a human and its metadata. Pure; it may run several times.
 *
 * @param known Belongs to the state.
 */
export type DecideMetadata = (
  state: HumanState,
  known: KnownMetadata,
) => HumanStep & Pick<MetadataStep, "total">;

/** Changes the metadata of people. One for both versions of the API, because changes of one user take turns. */
export type MetadataChanges = {
  /**
   * Run one command on the metadata of one human of this organization.
   *
   * @returns The head after the change; it is durable.
   * @throws ServiceError what `advanceMetadata` throws.
   * @throws What `EventStore.change` throws.
   */
  run(
    context: Context,
    userId: string,
    organization: string,
    command: MetadataCommand,
  ): Promise<Head<HumanState>>;

  /**
   * As `run`, for a decision that may also change other things about the human, all together or nothing.
   *
   * @param command What the decision does to the metadata.
   */
  change(
    context: Context,
    userId: string,
    organization: string,
    command: MetadataCommand,
    decide: DecideMetadata,
  ): Promise<Head<HumanState>>;
};

/** How often the metadata is read again because another server has changed it meanwhile. */
const maxAttempts = 32;
/** Users whose total is remembered: some megabytes. */
const maxTotals = 10_000;
const retryAfterMs = 1_000;

/** The metadata that was read no longer belongs to the state. */
class StaleMetadata extends Error {
  override readonly name = "StaleMetadata";
}

/**
 * A change of metadata reads what is stored of its keys before it decides, because no head carries them. The head
 * carries how many changes of metadata there were: if the number has grown by the time the change is decided,
 * the metadata is read again. Changes of other things do not count. Within a server the changes of one user take
 * turns, so only another server can make one read again.
 *
 * How many keys the user has in all, and their bytes, is remembered with the number of changes that it belongs to.
 * So a change costs what its own keys cost, unless another server has changed the metadata meanwhile.
 */
export function createMetadataChanges(store: EventStore): MetadataChanges {
  const turns = createTurns();
  const totals: Totals = new LRUCache({ max: maxTotals });

  async function attempt(
    context: Context,
    userId: string,
    organization: string,
    command: MetadataCommand,
    decide: DecideMetadata,
  ): Promise<Head<HumanState> | undefined> {
    const known = await knownMetadata(store, totals, userId, organization, command);
    let after: KnownTotal | undefined;
    try {
      const head = await changeHumanBy(store, context, userId, organization, (state) => {
        if (metadataChangesOf(state) !== known.changes) throw new StaleMetadata();
        const { total, ...step } = decide(state, known);
        after = { changes: metadataChangesOf(step.state), total };
        return step;
      });
      // After a dry run the head is the one before.
      if (after?.changes === metadataChangesOf(head.state)) totals.set(userId, after);
      return head;
    } catch (error) {
      if (error instanceof StaleMetadata) return undefined;
      throw error;
    }
  }

  const change: MetadataChanges["change"] = (context, userId, organization, command, decide) => {
    const work = async () => {
      for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
        const head = await attempt(context, userId, organization, command, decide);
        if (head !== undefined) return head;
      }
      const message = `metadata was changed meanwhile ${maxAttempts} times`;
      throw new StoreOverloadedError(message, retryAfterMs);
    };
    return turns(userId, work, context.signal);
  };

  return {
    change,
    run: (context, userId, organization, command) =>
      change(context, userId, organization, command, (state, known) =>
        advanceMetadata(command, state, known),
      ),
  };
}

/** A total, and the number of changes of metadata that led to it. */
type KnownTotal = { readonly changes: number; readonly total: MetadataTotal };

/** By user. */
type Totals = LRUCache<string, KnownTotal>;

async function knownMetadata(
  store: EventStore,
  totals: Totals,
  userId: string,
  organization: string,
  command: MetadataCommand,
): Promise<KnownMetadata> {
  const keys = keysOfCommand(command);
  const find = (isTotalled: boolean) =>
    store.findAttributes<HumanState>(userId, organization, keys, isTotalled);
  const remembered = totals.get(userId);
  let found = await find(remembered === undefined);
  const isOld = found && metadataChangesOf(found.head.state) !== remembered?.changes;
  if (isOld && found?.total === undefined) found = await find(true);
  if (found === undefined) return noMetadata;
  const { head, attributes, total = remembered?.total ?? noMetadata.total } = found;
  const changes = metadataChangesOf(head.state);
  totals.set(userId, { changes, total });
  return {
    changes,
    entries: new Map(attributes.map(({ key, ...entry }) => [key, entry])),
    total,
  };
}

/** The entries of a command, from keys and values as requests carry them. */
export function metadataEntries(
  entries: readonly { readonly key: string; readonly value: Uint8Array }[],
): MetadataEntry[] {
  return entries.map(({ key, value }) => ({
    key,
    value,
    digest: digestOf(value).toString("hex"),
  }));
}
