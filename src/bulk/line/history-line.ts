import { Buffer } from "node:buffer";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import {
  evolve,
  type HumanEvent,
  type HumanState,
  initialState,
} from "../../domain/human-state.ts";
import { maxMetadataBytes, maxMetadataKeys } from "../../domain/metadata.ts";
import { hasSameUniqueKeys, uniqueKeys } from "../../domain/user-name.ts";
import type { AttributeChange } from "../../store/attributes.ts";
import type { Micros } from "../../store/event-store.ts";
import type { NewEvent } from "../../store/events.ts";
import { dataFrom } from "./event-data.ts";
import { microsFrom } from "./moment.ts";
import { versionFrom } from "./origin.ts";
import { assertUntouched, type KnownUser, type ReadUser, type Written } from "./read-user.ts";
import { idFrom } from "./user-line.ts";

/** An event of a line. */
type PastEvent = NewEvent & HumanEvent & { readonly version: number; readonly at: Micros };

/** How far the user had come: the log has events that are not in the line. */
type Latest = { readonly version: number; readonly at: Micros };

/** Of one line. The lines of longer histories would be longer than a line may be anyway. */
const maxEvents = 100_000;

/**
 * Read a user with history: `userId`, `organization`, `version` and `changedAt` of the user, and `events` in
 * order, each with `type`, `version`, `at`, `creator` and `data`.
 *
 * @throws Error that tells a person what is wrong.
 */
export function userWithHistory(line: JsonObject): ReadUser {
  const { userId, organization, version, changedAt, events, ...others } = line;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new Error(`${JSON.stringify(unknown)} is unknown beside events`);
  const id = idFrom("userId", userId);
  if (id === undefined) throw new Error("userId is missing");
  const past = eventsFrom(events);
  const latest = {
    version: Math.max(versionFrom("version", version), past.at(-1)?.version ?? 0),
    at: Math.max(microsFrom("changedAt", changedAt), past.at(-1)?.at ?? 0),
  };
  return {
    userId: id,
    organization: idFrom("organization", organization),
    isGone: past.at(-1)?.type === "user.removed",
    add: () => addition(past, latest),
    needsAttributes: () => past.some(({ type }) => endsMetadata.has(type)),
    change: (known) => continuation(past, latest, known),
  };
}

const endsMetadata: ReadonlySet<string> = new Set(["user.removed", "user.metadata.removed.all"]);

/** What was before the user was added belongs to another user, who had the same id and was removed. */
function addition(past: readonly PastEvent[], latest: Latest): Written | undefined {
  const from = past.findLastIndex(({ type }) => type === "user.human.added");
  if (past.length === 0 || past.at(-1)?.type === "user.removed") return undefined;
  if (from === -1) throw new Error("the event that added the user is missing");
  return written(past.slice(from), latest, initialState, undefined);
}

function continuation(
  past: readonly PastEvent[],
  latest: Latest,
  known: KnownUser,
): Written | undefined {
  const { head } = known.latest;
  const more = past.filter(({ version }) => version > head.version);
  if (more.length === 0 && (latest.version <= head.version || !known.latest.isTransferred)) {
    return undefined;
  }
  assertUntouched(known.latest);
  if (head.state.kind !== "present" && !more.some(({ type }) => type === "user.human.added")) {
    return undefined;
  }
  return written(more, latest, head.state, known);
}

function written(
  events: readonly PastEvent[],
  latest: Latest,
  before: HumanState,
  known: KnownUser | undefined,
): Written {
  const state = events.reduce<HumanState>(evolve, before);
  const attributes = attributesOf(events, known);
  const added = events.findLast(({ type }) => type === "user.human.added");
  const createdAt = added?.at ?? known?.latest.head.createdAt ?? latest.at;
  return {
    decisions: [
      {
        events: events.map(({ type, data, creator }) => ({ type, data, creator })),
        state,
        ...(!hasSameUniqueKeys(before, state) && { uniqueKeys: uniqueKeys(state) }),
        ...(attributes.length > 0 && { attributes }),
      },
    ],
    past: {
      moments: events.map(({ version, at }) => ({ version, at })),
      head: {
        version: latest.version,
        createdAt,
        changedAt: Math.max(createdAt, latest.at, known?.latest.head.changedAt ?? 0),
      },
    },
  };
}

/** @throws Error if the user would have more metadata than a user may have. */
function attributesOf(
  events: readonly PastEvent[],
  known: KnownUser | undefined,
): AttributeChange[] {
  const removed = new Set<string>();
  const set = new Map<string, Required<AttributeChange>>();
  const remove = (key: string) => {
    set.delete(key);
    removed.add(key);
  };
  for (const { type, data, version, at } of events) {
    if (type === "user.metadata.set") {
      const createdAt = set.get(data.key)?.origin.createdAt ?? at;
      const origin = { version, createdAt, changedAt: at };
      set.set(data.key, { key: data.key, value: Buffer.from(data.value, "base64"), origin });
    } else if (type === "user.metadata.removed") remove(data.key);
    else if (endsMetadata.has(type)) {
      for (const key of set.keys()) remove(key);
      for (const { key } of known?.attributes ?? []) remove(key);
    }
  }
  assertBounds(set);
  if (known === undefined) return [...set.values()];
  // What is set again is removed before, because it is created anew.
  return [...[...removed].map((key) => ({ key, value: undefined })), ...set.values()];
}

function assertBounds(set: ReadonlyMap<string, AttributeChange>): void {
  let bytes = 0;
  for (const [key, { value }] of set) bytes += Buffer.byteLength(key) + (value?.byteLength ?? 0);
  if (set.size <= maxMetadataKeys && bytes <= maxMetadataBytes) return;
  throw new Error("the user has more metadata than a user may have");
}

function eventsFrom(value: JsonValue | undefined): PastEvent[] {
  if (!Array.isArray(value)) throw new Error("events is not a list");
  if (value.length > maxEvents) throw new Error(`the user has more than ${maxEvents} events`);
  const events = value.map(eventFrom);
  for (const [index, { version }] of events.entries()) {
    const before = events[index - 1]?.version ?? 0;
    if (version <= before) throw new Error("the versions of the events do not grow");
  }
  return events;
}

function eventFrom(value: JsonValue): PastEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("an event is not a JSON object");
  }
  const { type, version, at, creator, data } = value;
  const event = dataFrom(type, data);
  return {
    ...event,
    version: versionFrom("version", version),
    at: microsFrom("at", at),
    creator: creator === "" ? "" : (idFrom("creator", creator) ?? ""),
  };
}
