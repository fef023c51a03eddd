import type { HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../../domain/errors.ts";
import { advance, type HumanCommand } from "../../domain/human.ts";
import { type HumanState, initialState } from "../../domain/human-state.ts";
import {
  type Decide,
  type EventStore,
  type Head,
  UniqueKeyTakenError,
} from "../../store/event-store.ts";
import { callerKey } from "../gate/authenticate.ts";
import { organizationKey } from "../gate/authorize.ts";

/**
 * Run one command on one user of the organization of the call. A call that ends while its change is
 * waiting changes nothing.
 *
 * @returns The head after the change; it is durable.
 * @throws ServiceError what `decide` throws, and `userAlreadyExists` if somebody else has the id or the user
 *   name.
 * @throws What else `EventStore.change` throws.
 */
export function changeUser(
  store: EventStore,
  { values, signal }: Pick<HandlerContext, "values" | "signal">,
  userId: string,
  command: HumanCommand,
): Promise<Head<HumanState>> {
  const creator = values.get(callerKey)?.subject ?? "";
  const decide: Decide<HumanState> = (head) => {
    const { events, ...next } = advance(command, head?.state ?? initialState);
    return { events: events.map((event) => ({ ...event, creator })), ...next };
  };
  return store.change(userId, values.get(organizationKey), decide, signal).catch(refuseTaken);
}

function refuseTaken(error: unknown): never {
  if (error instanceof UniqueKeyTakenError)
    throw new ServiceError("userAlreadyExists", { cause: error });
  throw error;
}
