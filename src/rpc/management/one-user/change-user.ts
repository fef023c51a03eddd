import type { HandlerContext } from "@connectrpc/connect";
import type { HumanCommand } from "../../../domain/human.ts";
import type { HumanState } from "../../../domain/human-state.ts";
import type { EventStore, Head } from "../../../store/event-store.ts";
import { changeHuman } from "../../change-human.ts";
import { organizationKey } from "../../gate/authorize.ts";

/**
 * Run one command on one user of the organization of the call.
 *
 * @returns The head after the change; it is durable.
 * @throws What `changeHuman` throws.
 */
export function changeUser(
  store: EventStore,
  context: Pick<HandlerContext, "values" | "signal">,
  userId: string,
  command: HumanCommand,
): Promise<Head<HumanState>> {
  return changeHuman(store, context, userId, context.values.get(organizationKey), command);
}
