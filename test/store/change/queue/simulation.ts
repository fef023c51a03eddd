import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import type { Decide, Head } from "../../../../src/store/event-store.ts";
import {
  createDatabase,
  createServer,
  type Database,
  type Operation,
  type Outcome,
  outcomes,
  type Server,
  work,
} from "./simulated-database.ts";

/**
 * The queue of changes and the batcher of several servers on one database, all simulated: no
 * file, no network, no time. Every load and every commit takes effect when the schedule says so, and
 * its answer arrives when the schedule says so; either may fail, or be lost with the server.
 */

/** What a change wants. "poison" cannot be stored, and spoils the transaction that tries. */
const wishes = ["write", "write twice", "nothing", "refuse", "unique key", "poison"] as const;

export type Step =
  | {
      readonly kind: "change";
      readonly server: number;
      readonly stream: string;
      readonly wish: (typeof wishes)[number];
      /** As soon as it is answered, its caller wants the same again. */
      readonly isEager: boolean;
    }
  | { readonly kind: "work"; readonly which: number; readonly outcome: Outcome }
  | { readonly kind: "leave"; readonly which: number }
  | { readonly kind: "crash"; readonly server: number };

type Wanted = Omit<Extract<Step, { kind: "change" }>, "kind" | "server">;

const servers = 2;
const anyServer = fc.nat(servers - 1);
const which = fc.nat(9);
const changes = fc.record({
  kind: fc.constant("change" as const),
  server: anyServer,
  stream: fc.constantFrom("s", "s", "t"),
  wish: fc.constantFrom<(typeof wishes)[number]>("write", "write", "refuse", ...wishes),
  isEager: fc.boolean(),
});
const works = (...outcome: Outcome[]) =>
  fc.record({ kind: fc.constant("work" as const), which, outcome: fc.constantFrom(...outcome) });

/** What happens, in which order. */
export const schedules: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: changes },
    { weight: 14, arbitrary: works("goes on") },
    { weight: 3, arbitrary: works(...outcomes) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), server: anyServer }) },
  ),
  { maxLength: 80, size: "max" },
);

/** One change as its caller saw it. */
type Call = {
  readonly tag: string;
  readonly server: object;
  readonly stream: string;
  readonly wish: string;
  /** The stream's durable version when it was called, and when it was answered. */
  readonly before: number;
  after: number;
  /** What the latest decision was made on. */
  seen: Head<string> | undefined;
  answer: "none" | "stored" | "refused" | "gone" | (string & {});
  head: Head<string> | undefined;
  readonly caller: AbortController;
};

/** How many events each wish writes; default: one. */
const eventsOf: Partial<Record<string, number>> = { "write twice": 2, nothing: 0 };

const gone = new RangeError("gone");
const refusal = new RangeError("refused");

/**
 * Run a schedule, then let everything still under way end well.
 *
 * @returns Which promises were broken, one line each.
 */
export async function brokenPromises(steps: readonly Step[]): Promise<string[]> {
  const database = createDatabase();
  const operations: Operation[] = [];
  const calls: Call[] = [];
  const running = Array.from({ length: servers }, () => createServer(database, operations));

  function call(server: number, { isEager, ...wanted }: Wanted): void {
    const at = running[server] as Server;
    const again = () => {
      if (isEager && running[server] === at) call(server, { ...wanted, isEager: false });
    };
    calls.push(startChange(database, at, wanted, `${calls.length + 1}`, again));
  }

  const perform: { [Kind in Step["kind"]]: (step: Extract<Step, { kind: Kind }>) => void } = {
    change: ({ server, ...wanted }) => call(server, wanted),
    work: (step) => work(operations, step),
    leave: (step) => {
      const open = calls.filter(({ answer }) => answer === "none");
      open[step.which % open.length]?.caller.abort(gone);
    },
    crash: (step) => {
      const dead = running[step.server] as Server;
      running[step.server] = createServer(database, operations);
      // What it had sent still takes effect, sooner or later, and nobody hears of it.
      for (const operation of operations) operation.isLate ||= operation.server === dead.id;
      for (const call of calls) {
        if (call.server === dead.id && call.answer === "none") call.answer = "crashed";
      }
    },
  };

  for (const step of steps) {
    perform[step.kind](step as never);
    await turn();
  }
  for (let patience = 20_000; calls.some(({ answer }) => answer === "none"); patience -= 1) {
    if (patience === 0) return ["a change is never answered"];
    work(operations, { which: 0, outcome: "goes on" });
    await turn();
  }
  while (operations.length > 0) work(operations, { which: 0, outcome: "goes on" });
  return [...brokenByStreams(database), ...brokenByCalls(database, calls), ...brokenOrder(calls)];
}

function startChange(
  database: Database,
  { id, change }: Server,
  { stream, wish }: Omit<Wanted, "isEager">,
  tag: string,
  answered: () => void,
): Call {
  const call: Call = {
    tag,
    server: id,
    stream,
    wish,
    before: database.version(stream),
    after: 0,
    seen: undefined,
    answer: "none",
    head: undefined,
    caller: new AbortController(),
  };
  const decide: Decide<string> = (head) => {
    call.seen = head;
    if (wish === "refuse" || (wish === "nothing" && head === undefined)) throw refusal;
    return {
      events: Array(eventsOf[wish] ?? 1).fill({ type: wish, data: {}, creator: "me" }),
      state: tag,
      ...(wish === "unique key" && { uniqueKeys: ["name"] }),
    };
  };
  const settle = (answer: string, head?: Head<string>) => {
    if (call.answer === "crashed") return;
    call.answer = answer;
    call.head = head;
    call.after = database.version(stream);
    answered();
  };
  change(stream, "org", decide, call.caller.signal).then(
    (head) => settle("stored", head),
    (error: Error) => settle(error === refusal ? "refused" : error === gone ? "gone" : error.name),
  );
  return call;
}

function brokenByStreams({ events }: Database): string[] {
  return [...events].flatMap(([stream, appends]) => {
    let version = 0;
    return appends.flatMap(({ head, events }) => {
      version += events.length;
      return head.version === version
        ? []
        : [`${stream} has version ${head.version}, not ${version}`];
    });
  });
}

function brokenByCalls({ events }: Database, calls: readonly Call[]): string[] {
  const broken: string[] = [];
  for (const { tag, stream, wish, before, after, seen, answer, head } of calls) {
    const stored = events.get(stream) ?? [];
    const copies = stored.filter((append) => append.head.state === tag);
    const check = (holds: boolean, text: string) => {
      if (!holds) broken.push(`change ${tag}, a ${wish}, ${answer}: ${text}`);
    };
    check(copies.length <= 1, "is stored twice");
    const headAt = (version: number) => stored.find(({ head }) => head.version === version)?.head;
    if (answer === "stored" && wish === "nothing") {
      const version = head?.version ?? 0;
      check(copies.length === 0, "has written something");
      check(version >= before, "is older than what was durable when it was called");
      check(version <= after && headAt(version) === head, "was told a head that is not stored");
    } else if (answer === "stored") {
      check(copies[0]?.head === head, "is not stored as it was told");
      check((head?.version ?? 0) > before, "is older than what was durable when it was called");
      check((head?.version ?? 0) <= after, "was told before it was durable");
    } else if (answer !== "crashed" && answer !== "OutcomeUnknownError") {
      check(copies.length === 0, "is stored");
    }
    if (answer === "refused") {
      const version = seen?.version ?? 0;
      check(
        version >= before && version <= after,
        `rests on version ${version} of ${before} to ${after}`,
      );
      check(headAt(version)?.state === seen?.state, "rests on what is not stored");
    }
    if (answer === "TypeError") check(wish === "poison", "failed for another's fault");
    if (answer === "UniqueKeyTakenError")
      check(wish === "unique key", "failed for a unique key of another change");
  }
  return broken;
}

/** Calls of one stream at one server take effect in order of arrival. */
function brokenOrder(calls: readonly Call[]): string[] {
  const latest = new Map<object, Map<string, number>>();
  const broken: string[] = [];
  for (const { tag, server: at, stream, wish, answer, head, seen } of calls) {
    if (answer !== "stored" && answer !== "refused") continue;
    const isWritten = answer === "stored" && wish !== "nothing";
    const place = isWritten ? (head?.version ?? 0) - 0.5 : (seen?.version ?? 0);
    const places = latest.get(at) ?? new Map<string, number>();
    if (place < (places.get(stream) ?? 0)) broken.push(`change ${tag} was overtaken`);
    latest.set(at, places.set(stream, place));
  }
  return broken;
}
