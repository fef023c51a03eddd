import { createPerson, type Person } from "./person.ts";
import { createRandom } from "./random.ts";

/** An event as `eventstore.events2` has it. */
export type WorldEvent = {
  readonly aggregate_type: "user" | "org";
  readonly aggregate_id: string;
  readonly event_type: string;
  readonly sequence: number;
  readonly created_at: string;
  readonly creator: string;
  readonly owner: string;
  readonly payload: Record<string, unknown> | null;
};

export type WorldOrganization = {
  readonly id: string;
  readonly name: string;
  readonly isRemoved: boolean;
};

/** A made-up instance of ZITADEL: what has happened, and what has come of it. */
export type World = {
  readonly organizations: readonly WorldOrganization[];
  /** Ordered by kind of aggregate, aggregate and sequence. */
  readonly events: readonly WorldEvent[];
  /** Everybody who was ever there. */
  readonly people: readonly Person[];
};

/** When the first thing happens, in microseconds. */
const began = 1_600_000_000_123_456;

/**
 * Make an instance: three organizations and one that was removed, people with every kind of event, old names,
 * ids that are used again, service accounts. The same numbers make the same instance.
 *
 * @param options.later How many more rounds of changes there are, for a second run of an import.
 */
export function makeWorld({
  people: count,
  seed = 1,
  later = 0,
}: {
  readonly people: number;
  readonly seed?: number;
  readonly later?: number;
}): World {
  const organizations = ["Savanna", "Steppe", "Taiga", "Gone"].map((name, index) => ({
    id: `7000000000000000${index + 1}`,
    name,
    isRemoved: name === "Gone",
  }));
  const events: WorldEvent[] = organizations.flatMap(({ id, name, isRemoved }, index) =>
    organizationEvents(id, name, isRemoved, momentOf(index)),
  );
  const people = Array.from({ length: count }, (_, index) => {
    const organization = organizations[index % 16 === 15 ? 3 : index % 3];
    if (organization === undefined) throw new Error("there is no such organization");
    const person = createPerson(index, organization, createRandom(seed * 1_000_003 + index));
    person.live();
    for (let round = 0; round < later; round += 1) person.liveOn();
    return person;
  }).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const person of people) events.push(...person.events);
  return { organizations, events, people };
}

function organizationEvents(
  id: string,
  name: string,
  isRemoved: boolean,
  at: string,
): WorldEvent[] {
  const event = (event_type: string, sequence: number, payload: WorldEvent["payload"]) => ({
    aggregate_type: "org" as const,
    aggregate_id: id,
    event_type,
    sequence,
    created_at: at,
    creator: "SYSTEM",
    owner: id,
    payload,
  });
  return [
    event("org.added", 1, { name: `${name} at first` }),
    event("org.domain.added", 2, { domain: `${name.toLowerCase()}.example` }),
    event("org.changed", 3, { name }),
    ...(isRemoved ? [event("org.removed", 4, { name })] : []),
  ];
}

/** A moment as PostgreSQL writes it in JSON: microseconds, without trailing zeros. */
export function momentOf(step: number): string {
  const micros = began + step * 61_000_001;
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1_000).toISOString().slice(0, 19);
  const fraction = String(micros % 1_000_000)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `${seconds}${fraction === "" ? "" : `.${fraction}`}+00:00`;
}
