import { type HumanState, type PresentHuman, present } from "../../domain/human-state.ts";
import { metadataChangesOf } from "../../domain/metadata.ts";
import { differences } from "../differences.ts";
import { pastOf } from "./origin.ts";
import { assertUntouched, type KnownUser, type ReadUser, type Written } from "./read-user.ts";
import type { UserLine } from "./user-line.ts";

/** The user that a line describes as it is, without its history. */
export function userOfLine(line: UserLine, creator: string): ReadUser {
  return {
    userId: line.userId,
    organization: line.organization,
    add: () => addition(line),
    needsAttributes: (state) => line.tellsMetadata && metadataChangesOf(state) > 0,
    change: (known) => change(line, known, creator),
  };
}

/** With an origin it is one decision, because all of it has happened before. */
function addition({ decisions, origin }: UserLine): Written {
  const [first] = decisions;
  const last = decisions.at(-1);
  if (origin === undefined || first === undefined || last === undefined) return { decisions };
  const events = decisions.flatMap((each) => each.events);
  const { uniqueKeys } = first;
  const { state, attributes } = last;
  return {
    decisions: [
      { events, state, ...(uniqueKeys && { uniqueKeys }), ...(attributes && { attributes }) },
    ],
    past: pastOf(origin, events.length, 0),
  };
}

function change(line: UserLine, known: KnownUser, creator: string): Written | undefined {
  const { head } = known.latest;
  const { origin } = line;
  const step = differences(head.state, targetOf(line), metadataOf(line), known.attributes);
  // An origin that is not later tells nothing of when the differences came about.
  const isLater = origin !== undefined && origin.changedAt > head.changedAt;
  const isAhead = isLater && origin.version > head.version;
  if (step.events.length === 0 && !(isAhead && known.latest.isTransferred)) return undefined;
  assertUntouched(known.latest);
  const events = step.events.map((event) => ({ ...event, creator }));
  const decisions = [{ ...step, events }];
  if (!isLater) return { decisions };
  const { createdAt } = head;
  return { decisions, past: pastOf({ ...origin, createdAt }, events.length, head.version) };
}

function targetOf({ decisions }: UserLine): PresentHuman {
  const state: HumanState = decisions.at(-1)?.state ?? { kind: "absent" };
  return present(state, "profileNotFound");
}

/** The values by key; `undefined`: the line does not say. */
function metadataOf({ tellsMetadata, decisions }: UserLine): Map<string, Uint8Array> | undefined {
  if (!tellsMetadata) return undefined;
  const changes = decisions.at(-1)?.attributes ?? [];
  if (changes === "remove-all") return new Map();
  return new Map(changes.flatMap(({ key, value }) => (value ? [[key, value]] : [])));
}
