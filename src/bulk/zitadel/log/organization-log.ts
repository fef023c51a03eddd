import { BulkError } from "../../bulk-error.ts";
import { textOf } from "../../fields.ts";
import type { NewOrganization } from "../../import/new-organizations.ts";
import { microsFrom } from "../../line/moment.ts";
import type { LogEvent } from "./log-event.ts";

/** When and by whom each organization was removed, by id. */
export type RemovedOrganizations = ReadonlyMap<
  string,
  { readonly at: string; readonly creator: string }
>;

/** Organizations of one log. They are held in memory. */
const maxOrganizations = 1_000_000;

/** Learns from a log which organizations there are. */
export type OrganizationLog = {
  add(event: LogEvent): void;
  readonly removed: RemovedOrganizations;
  /** Those that were not removed. One of which only people are in the log is named by its id. */
  organizations(): NewOrganization[];
};

/** @throws BulkError `add`: if the whole instance was removed, or there are too many organizations. */
export function createOrganizationLog(): OrganizationLog {
  const known = new Map<string, NewOrganization>();
  const removed = new Map<string, { readonly at: string; readonly creator: string }>();

  function note(id: string, at: string, name?: string): void {
    const before = known.get(id);
    if (before !== undefined && name === undefined) return;
    if (before === undefined && known.size >= maxOrganizations) {
      throw new BulkError(`the log has more than ${maxOrganizations} organizations`);
    }
    const createdAt = before?.createdAt ?? microsFrom("created_at", at);
    known.set(id, { id, name: name || id, createdAt });
  }

  return {
    add({ kind, type, aggregate, owner, at, creator, payload }) {
      if (type === "instance.removed")
        throw new BulkError("the log says that the instance was removed");
      if (kind === "user") note(owner, at);
      else if (type === "org.added" || type === "org.changed")
        note(aggregate, at, textOf(payload.name));
      else if (type === "org.removed") removed.set(aggregate, { at, creator });
    },
    removed,
    organizations: () => [...known.values()].filter(({ id }) => !removed.has(id)),
  };
}
