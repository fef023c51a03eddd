import { setTimeout as pause } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { methods } from "../../support/api/setting.ts";
import { createRandom, type Random } from "../random.ts";
import {
  type Operation,
  type Outcome,
  profileOfNumber,
  profileText,
  sortableDate,
} from "./history.ts";

/** Clients that call over every protocol, and record what they see. */
export type Recorder = {
  /** All operations that have ended so far. */
  readonly operations: readonly Operation[];
  /** @throws Error if so many more updates are not acknowledged in a minute: the servers hang. */
  acknowledged(count: number): Promise<void>;
  /** Waits for the calls in flight. */
  stop(): Promise<void>;
};

export type Options = {
  readonly seed: string;
  /** Where the servers are now; each client takes one after the other. */
  readonly urls: () => readonly string[];
  readonly token: string;
  readonly clients: number;
  readonly users: number;
};

/** Longer than any wait for updates takes while the servers work. */
const hangsMs = 240_000;

/** The pause after a call without an answer. */
const restMs = 10;

/** One of so many operations goes to the first user, so that this user is always busy. */
const hotShare = 3;

/** Codes that leave open whether the call took effect: canceled, unknown, deadline exceeded. */
const openCodes = [1, 2, 4];

/**
 * Add the users, then let the clients call until they are stopped: updates with a profile of their
 * own, updates with a profile that the user may have already, updates that are refused, and reads.
 */
export async function startRecorder(options: Options): Promise<Recorder> {
  const { seed, urls, clients, users: count } = options;
  const operations: Operation[] = [];
  const waiting = new Set<{ left: number; resolve: () => void }>();
  let updates = 0;
  let isStopping = false;

  const users = await Promise.all(Array.from({ length: count }, (_, number) => add(number)));

  async function add(number: number): Promise<string> {
    const profile = profileOfNumber(updates++);
    const userName = `user ${number} of ${seed}`;
    const request = { userName, profile, email: { email: "some@giraffe.example" } };
    const begunAt = performance.now();
    const caller = callers[0] as Caller;
    const { body, message } = await call(caller, 0, methods.importHumanUser, request);
    if (body === undefined) throw new Error(`cannot add a user: ${message}`);
    const user = text(body.userId);
    const outcome = done(body);
    operations.push({
      name: `import over ${caller.name}`,
      user,
      kind: "update",
      begunAt,
      endedAt: performance.now(),
      profile: profileText(profile),
      outcome,
    });
    return user;
  }

  function call(
    caller: Caller,
    turn: number,
    method: (typeof methods)[keyof typeof methods],
    request: JsonObject,
  ) {
    const all = urls();
    const url = all[turn % all.length];
    if (url === undefined) throw new Error("no server");
    return caller.call(url, method, request, { token: options.token });
  }

  async function client(number: number): Promise<void> {
    const random = createRandom(`${seed}/${number}`);
    const caller = callers[number % callers.length] as Caller;
    for (let turn = number; !isStopping; turn += 1) {
      const user = (random.oneIn(hotShare) ? users[0] : random.pick(users)) as string;
      const wish = random.int(10);
      if (wish < 2) await read(caller, turn, user);
      else await update(caller, turn, user, wishedProfile(wish, random));
    }
  }

  function wishedProfile(wish: number, random: Random): JsonObject {
    if (wish === 2) return profileOfNumber(random.int(updates));
    const profile = profileOfNumber(updates++);
    return wish === 3 ? { ...profile, firstName: "x".repeat(201) } : profile;
  }

  async function read(caller: Caller, turn: number, user: string): Promise<void> {
    const begunAt = performance.now();
    const reply = await answer(caller, turn, methods.getHumanProfile, { userId: user });
    if (reply === "not processed" || reply?.body === undefined) return;
    operations.push({
      name: `read over ${caller.name}`,
      user,
      kind: "read",
      begunAt,
      endedAt: performance.now(),
      profile: profileText(object(reply.body.profile)),
      outcome: done(reply.body),
    });
  }

  async function update(
    caller: Caller,
    turn: number,
    user: string,
    profile: JsonObject,
  ): Promise<void> {
    const begunAt = performance.now();
    const reply = await answer(caller, turn, methods.updateHumanProfile, {
      userId: user,
      ...profile,
    });
    const outcome = outcomeOf(reply);
    operations.push({
      name: `update over ${caller.name}`,
      user,
      kind: "update",
      begunAt,
      endedAt: performance.now(),
      profile: profileText(profile),
      outcome,
    });
    if (outcome.kind !== "done") return;
    for (const wait of waiting) {
      wait.left -= 1;
      if (wait.left > 0) continue;
      waiting.delete(wait);
      wait.resolve();
    }
  }

  /** `undefined` if there was a connection and it broke. */
  async function answer(
    ...args: Parameters<typeof call>
  ): Promise<Reply | "not processed" | undefined> {
    try {
      return await call(...args);
    } catch (error) {
      await pause(restMs);
      return isNotProcessed(error) ? "not processed" : undefined;
    }
  }

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    operations,
    acknowledged: (left) =>
      new Promise((resolve, reject) => {
        const giveUp = () => reject(new Error(`not ${left} updates in ${hangsMs / 1_000} seconds`));
        const timer = setTimeout(giveUp, hangsMs);
        waiting.add({
          left,
          resolve() {
            clearTimeout(timer);
            resolve();
          },
        });
      }),
    async stop() {
      isStopping = true;
      await running;
    },
  };
}

/** Nothing was sent, or the server says that it did not look at it: RFC 9113 section 8.7. */
function isNotProcessed(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.message.includes("NGHTTP2_REFUSED_STREAM")) return true;
  return "code" in error && error.code === "ECONNREFUSED";
}

function done(body: Record<string, unknown>): Outcome {
  const { sequence, changeDate, resourceOwner } = object(body.details);
  return {
    kind: "done",
    sequence: Number(sequence),
    changeDate: sortableDate(text(changeDate)),
    owner: text(resourceOwner),
  };
}

function outcomeOf(reply: Reply | "not processed" | undefined): Outcome {
  if (reply === undefined) return { kind: "unknown" };
  if (reply === "not processed") return { kind: "refused" };
  if (reply.body !== undefined) return done(reply.body);
  if (openCodes.includes(reply.code)) return { kind: "unknown" };
  const reasons = reply.details.map(({ value }) => value.reason);
  return { kind: reasons.includes("PROFILE_NOT_CHANGED") ? "unchanged" : "refused" };
}
