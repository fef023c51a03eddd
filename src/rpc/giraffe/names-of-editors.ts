import type { ContextValues } from "@connectrpc/connect";
import type { HumanState } from "../../domain/human-state.ts";
import type { Directory } from "../../store/directory.ts";
import type { EventStore } from "../../store/event-store.ts";
import { editorNames } from "../editor-names.ts";
import { membershipsKey, standingIn } from "../gate/standing.ts";

/**
 * The names of those who changed something, by their ids: those of service accounts, and those of people whom the caller
 * may read.
 */
export async function namesOfEditors(
  parts: {
    readonly store: Pick<EventStore, "loadOnInstance">;
    readonly directory: Pick<Directory, "serviceAccount">;
  },
  values: ContextValues,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const names = await editorNames(parts.directory, ids);
  const memberships = values.get(membershipsKey);
  const people = [...ids].filter((id) => id !== "" && !names.has(id));
  await Promise.all(
    people.map(async (id) => {
      const head = await parts.store.loadOnInstance<HumanState>(id);
      if (head?.state.kind !== "present") return;
      const standing = standingIn(memberships, head.organization, ["user.read"]);
      if (standing === "permitted") names.set(id, head.state.profile.displayName);
    }),
  );
  return names;
}
