import type { HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../domain/errors.ts";
import { advance, type HumanCommand } from "../domain/human.ts";
import { type HumanEvent, type HumanState, initialState } from "../domain/human-state.ts";
import {
  type Decide,
  type Decision,
  type EventStore,
  type Head,
  UniqueKeyTakenError,
} from "../store/event-store.ts";
import { callerKey } from "./gate/authenticate.ts";

/** A decision about a human, without whoever causes it. */
export type HumanStep = Omit<Decision<HumanState>, "events"> & {
  readonly events: readonly HumanEvent[];
};

/**
 * Run one command on one human. A call that ends while its change is waiting changes nothing.
 *
 * @param organization The one that owns the human, or in which it is added.
 * @returns The head after the change; it is durable.
 * @throws ServiceError what `decide` throws; `userAlreadyExists` if somebody else has the user name, or if
 *   the id of a new human is taken in another organization.
 * @throws What `EventStore.change` throws.
 */
export function changeHuman(
  store: EventStore,
  context: Pick<HandlerContext, "values" | "signal">,
  userId: string,
  organization: string,
  command: HumanCommand,
): Promise<Head<HumanState>> {
  return changeHumanBy(store, context, userId, organization, (state) => advance(command, state));
}

/** As `changeHuman`, for any decision about the state of a human. */
export async function changeHumanBy(
  store: EventStore,
  { values, signal }: Pick<HandlerContext, "values" | "signal">,
  userId: string,
  organization: string,
  decideStep: (state: HumanState) => HumanStep,
): Promise<Head<HumanState>> {
  const creator = values.get(callerKey)?.subject ?? "";
  const decide: Decide<HumanState> = (head) => {
    const { events, ...next } = decideStep(head?.state ?? initialState);
    return { events: events.map((event) => ({ ...event, creator })), ...next };
  };
  try {
    return await store.change(userId, organization, decide, signal);
  } catch (cause) {
    if (!(cause instanceof UniqueKeyTakenError)) throw cause;
    throw new ServiceError("userAlreadyExists", { cause });
  }
}
