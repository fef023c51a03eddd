import { unreadable } from "../../lines-of.ts";
import type { Losses } from "../../losses.ts";
import { lossesOf, takenEvent } from "./event-types.ts";
import type { LogEvent } from "./log-event.ts";
import type { RemovedOrganizations } from "./organization-log.ts";

/** Events of one user that are taken; a user with more is rejected. */
const maxEvents = 100_000;

/** Collects the events of one user, and makes a line of them. */
export type UserLog = {
  readonly userId: string;
  add(event: LogEvent): void;
  /** @returns `undefined` if it is not a person. */
  line(): object | undefined;
};

type Taken = {
  readonly type: string;
  readonly version: number;
  readonly at: string;
  readonly creator: string;
  readonly data: object;
};

/**
 * @param removed Whose organization was removed is removed, although the log of the user does not say so.
 * @param losses Gets what is not taken, once for each person and kind.
 */
export function createUserLog(
  userId: string,
  removed: RemovedOrganizations,
  losses: Losses,
): UserLog {
  let events: Taken[] = [];
  let lost = new Set<string>();
  let last: LogEvent | undefined;
  let isMachine = false;
  let isTooLong = false;

  function begin(): void {
    // What was before belongs to another user with the same id, but somebody may have imported that one.
    events = events.filter(({ type }) => type === "user.removed").slice(-1);
    lost = new Set();
  }

  return {
    userId,
    add(event) {
      const { type, sequence, at, creator, payload } = event;
      last = event;
      if (type.startsWith("user.machine.")) isMachine = true;
      const taken = takenEvent(type, payload);
      if (taken?.type === "user.human.added") begin();
      for (const kind of lossesOf(type, payload)) lost.add(kind);
      if (taken === undefined) return;
      if (events.length >= maxEvents) isTooLong = true;
      else events.push({ type: taken.type, version: sequence, at, creator, data: taken.data });
    },
    line() {
      if (last === undefined) return undefined;
      if (isMachine) return void losses.add("service accounts");
      if (isTooLong) return unreadable(`the user ${userId} has more than ${maxEvents} events`);
      const end = removed.get(last.owner);
      const { sequence, at } = last;
      if (end !== undefined && events.at(-1)?.type !== "user.removed") {
        events.push({ type: "user.removed", version: sequence + 1, ...end, data: {} });
      }
      if (events.at(-1)?.type === "user.removed") {
        losses.add("removed people");
        events = events.slice(-1);
      } else for (const kind of lost) losses.add(kind);
      const version = Math.max(sequence, events.at(-1)?.version ?? 0);
      return { userId, organization: last.owner, version, changedAt: end?.at ?? at, events };
    },
  };
}
