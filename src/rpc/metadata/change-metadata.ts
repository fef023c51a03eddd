import type { HandlerContext } from "@connectrpc/connect";
import type { HumanState } from "../../domain/human-state.ts";
import {
  advanceMetadata,
  type KnownMetadata,
  type MetadataCommand,
  type MetadataEntry,
  metadataChangesOf,
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
export type DecideMetadata = (state: HumanState, known: KnownMetadata) => HumanStep;

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

  /** As `run`, for a decision that may also change other things about the human, all together or nothing. */
  change(
    context: Context,
    userId: string,
    organization: string,
    decide: DecideMetadata,
  ): Promise<Head<HumanState>>;
};

/** How often the metadata is read again because another server has changed it meanwhile. */
const maxAttempts = 32;
const retryAfterMs = 1_000;

/** The metadata that was read no longer belongs to the state. */
class StaleMetadata extends Error {
  override readonly name = "StaleMetadata";
}

/**
 * A change of metadata reads which keys there are before it decides, because no head carries them. The head
 * carries how many changes of metadata there were: if the number has grown by the time the change is decided,
 * the metadata is read again. Changes of other things do not count. Within a server the changes of one user take
 * turns, so only another server can make one read again.
 */
export function createMetadataChanges(store: EventStore): MetadataChanges {
  const turns = createTurns();

  async function attempt(
    context: Context,
    userId: string,
    organization: string,
    decide: DecideMetadata,
  ): Promise<Head<HumanState> | undefined> {
    const known = await knownMetadata(store, userId, organization);
    try {
      return await changeHumanBy(store, context, userId, organization, (state) => {
        if (metadataChangesOf(state) !== known.changes) throw new StaleMetadata();
        return decide(state, known);
      });
    } catch (error) {
      if (error instanceof StaleMetadata) return undefined;
      throw error;
    }
  }

  const change: MetadataChanges["change"] = (context, userId, organization, decide) => {
    const work = async () => {
      for (let attempts = 0; attempts < maxAttempts; attempts += 1) {
        const head = await attempt(context, userId, organization, decide);
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
      change(context, userId, organization, (state, known) =>
        advanceMetadata(command, state, known),
      ),
  };
}

async function knownMetadata(
  store: EventStore,
  userId: string,
  organization: string,
): Promise<KnownMetadata> {
  const outlined = await store.outlineAttributes<HumanState>(userId, organization);
  return {
    changes: outlined === undefined ? 0 : metadataChangesOf(outlined.head.state),
    entries: new Map((outlined?.attributes ?? []).map(({ key, ...entry }) => [key, entry])),
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
