import type { HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../domain/errors.ts";
import { advance, type HumanCommand } from "../domain/human.ts";
import type { HumanEvent, HumanState } from "../domain/human-state.ts";
import {
  type Decide,
  type Decision,
  type EventStore,
  type Head,
  UniqueKeyTakenError,
} from "../store/event-store.ts";
import { type DecideStep, decideUnder } from "./extras/decide.ts";
import { rehearse } from "./extras/dry-run.ts";
import { extrasKey, noteChange, noteVersion } from "./extras/extras.ts";
import { callerKey } from "./gate/authenticate.ts";
import { requestIdKey, waiterKey } from "./gate/note-call.ts";
import { isAdded } from "./management/messages/details.ts";
import { noteWritten, receiptOf } from "./repeats/repeat.ts";

/** A decision about a human, without whoever causes it. */
export type HumanStep = Omit<Decision<HumanState>, "events"> & {
  readonly events: readonly HumanEvent[];
};

/**
 * Run one command on one human. A call that ends while its change is waiting changes nothing. If the call has a
 * key, its receipt is stored with the change.
 *
 * @param organization The one that owns the human, or in which it is added.
 * @returns The head after the change; it is durable.
 * @throws ServiceError what `decide` throws; `versionMismatch`, `ifMatchRequired`; `userAlreadyExists` if somebody
 *   else has the user name, or if the id of a new human is taken in another organization.
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

/**
 * As `changeHuman`, for any decision about the state of a human. Every change passes here, so that the extras of the
 * call count for all of them.
 */
export async function changeHumanBy(
  store: EventStore,
  context: Pick<HandlerContext, "values" | "signal">,
  userId: string,
  organization: string,
  decideStep: DecideStep,
): Promise<Head<HumanState>> {
  const { values } = context;
  const signal = values.get(waiterKey) ?? context.signal;
  const creator = values.get(callerKey)?.subject ?? "";
  const request = values.get(requestIdKey) || undefined;
  const extras = values.get(extrasKey);
  let isChanged = false;
  const decideHuman = (head: Head<HumanState> | undefined): HumanStep => {
    const step = decideUnder(extras, decideStep, head);
    isChanged = step.events.length > 0;
    return step;
  };
  const decide: Decide<HumanState> = (head) => {
    const step = decideHuman(head);
    const isThere = step.state.kind === "present";
    const receipt = receiptOf(values, userId, { isChanged, isThere });
    const events = step.events.map((event) => ({ ...event, creator }));
    return { ...step, events, receipt, request };
  };
  try {
    const head = extras.isDryRun
      ? await rehearse(store, { userId, organization, decide: decideHuman, signal })
      : await store.change(userId, organization, decide, signal);
    noteChange(values, isChanged);
    if (isAdded(head) && head.state.kind === "present") noteVersion(values, head.version);
    noteWritten(values, userId, head);
    return head;
  } catch (cause) {
    if (!(cause instanceof UniqueKeyTakenError)) throw cause;
    throw new ServiceError("userAlreadyExists", { cause });
  }
}
