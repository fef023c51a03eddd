import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Method, methods } from "../../support/api/setting.ts";
import { createRandom, type Random } from "../random.ts";
import type { Trial } from "./trial.ts";

/** Clients that repeat every call with its key until they have an answer. */
export type KeyedClients = {
  /** @throws Error if so many more calls are not answered in four minutes: the servers hang. */
  answered(count: number): Promise<void>;
  /** Waits until every call is answered, and checks that each key is exactly one change. */
  stop(): Promise<void>;
};

/** A call and its answer, as it came over one of the protocols. */
type Answered = {
  readonly call: KeyedCall;
  readonly reply: Reply;
  readonly caller: Caller;
  /** The body of the answer. */
  readonly bytes: Buffer;
};

type KeyedCall = {
  readonly key: string;
  readonly method: Method;
  readonly request: JsonObject;
  /** Place of the user in `users`; `undefined` for a call that adds one. */
  readonly user: number | undefined;
};

const clientCount = 8;
/** All clients change the same few. */
const userCount = 3;
const restMs = 10;
const hangsMs = 240_000;

/** Codes with which a call is to be repeated: canceled, unknown, deadline exceeded, exhausted, unavailable. */
const openCodes = [1, 2, 4, 8, 14];

const profile = { firstName: "Gigi", lastName: "Giraffe", displayName: "Gigi G." };

/** Start the clients, on the servers of a trial. Each call goes to the next server over the next protocol. */
export async function startKeyedClients(trial: Trial, seed: string): Promise<KeyedClients> {
  const token = readFileSync(join(trial.folder, "admin.token"), "utf8").trim();
  const all: Answered[] = [];
  const news = new Set<() => void>();
  let isStopping = false;
  let turns = 0;

  /** One attempt; `undefined`: no answer, or one that leaves the outcome open. */
  async function attempt(call: KeyedCall, caller: Caller): Promise<Answered | undefined> {
    const { key, method, request } = call;
    const { url = "" } = trial.servers[turns % trial.servers.length] ?? {};
    let bytes: Buffer = Buffer.alloc(0);
    const onBody = (body: Buffer) => {
      bytes = body;
    };
    const options = { token, headers: { "idempotency-key": `"${key}"` }, onBody };
    try {
      const reply = await caller.call(url, method, request, options);
      return openCodes.includes(reply.code) ? undefined : { call, reply, caller, bytes };
    } catch {
      return undefined;
    }
  }

  /** @param only Default: each attempt takes the next protocol. */
  async function untilAnswered(call: KeyedCall, only?: Caller): Promise<Answered> {
    const begunAt = performance.now();
    for (let isFirst = true; ; isFirst = false) {
      turns += 1;
      if (!isFirst) trial.keyed.repeats += 1;
      const answered = await attempt(call, only ?? (callers[turns % callers.length] as Caller));
      if (answered !== undefined) return answered;
      if (performance.now() - begunAt > hangsMs) throw new Error(`no answer to ${call.key}`);
      await pause(restMs);
    }
  }

  async function run(call: KeyedCall, isRepeated: boolean): Promise<Reply> {
    const answered = await untilAnswered(call);
    all.push(answered);
    trial.keyed.keys += 1;
    for (const tell of news) tell();
    if (isRepeated) await assertSame(answered, await untilAnswered(call));
    return answered.reply;
  }

  /** Over the same protocol, the answer to a repeat is the same to the byte. */
  async function assertSame(first: Answered, again: Answered): Promise<void> {
    const { key } = first.call;
    trial.keyed.repeats += 1;
    const [told, repeated] = [answerOf(first.reply), answerOf(again.reply)];
    trial.check(repeated === told, `${key}: ${told}, and then ${repeated}`);
    const mark = again.reply.headers.get("idempotent-replayed");
    trial.check(mark === "true", `${key}: a repeat is marked ${mark}`);
    if (first.caller !== again.caller) return;
    trial.check(again.bytes.equals(first.bytes), `${key}: ${first.bytes}, and then ${again.bytes}`);
  }

  const added = (key: string): KeyedCall => ({
    key,
    method: methods.importHumanUser,
    request: { userName: key, profile, email: { email: "some@giraffe.example" } },
    user: undefined,
  });
  const users = await Promise.all(
    Array.from({ length: userCount }, async (_, place) => {
      const { body } = await run(added(`${seed} keyed user ${place}`), true);
      return text(body?.userId);
    }),
  );

  function nextCall(key: string, random: Random): KeyedCall {
    const user = random.int(userCount);
    const id = text(users[user]);
    const wish = random.int(10);
    if (wish < 2) return added(key);
    if (wish === 2) return { key, method: methods.deactivateUser, request: { id }, user };
    if (wish === 3) return { key, method: methods.reactivateUser, request: { id }, user };
    const request = { userId: id, ...profile, nickName: key };
    return { key, method: methods.updateHumanProfile, request, user };
  }

  async function client(number: number): Promise<void> {
    const random = createRandom(`${seed}/keyed ${number}`);
    for (let count = 0; !isStopping; count += 1) {
      await run(nextCall(`${seed} keyed ${number}-${count}`, random), random.oneIn(3));
    }
  }

  /** Each change of a user has a version of its own, and there are no others. */
  async function checkUser(user: number): Promise<void> {
    const stored = all
      .filter(({ call, reply }) => call.user === user && reply.code === 0)
      .map(({ reply }) => Number(object(reply.body?.details).sequence))
      .sort((a, b) => a - b);
    const reading = { method: methods.getHumanProfile, request: { userId: text(users[user]) } };
    const { reply } = await untilAnswered({ key: "read", user, ...reading });
    const { body } = reply;
    const sequence = Number(object(body?.details).sequence);
    const isWhole = stored.length === sequence - 1 && stored.every((each, at) => each === at + 2);
    trial.check(isWhole, `a user has version ${sequence}, and its changes are ${stored}`);
  }

  async function checkAdded(): Promise<void> {
    for (const { call, reply } of all) {
      if (call.user !== undefined) continue;
      const request = { queries: [{ userNameQuery: { userName: call.key } }] };
      const found = await untilAnswered({ ...call, method: methods.listUsers, request });
      const ids = list(found.reply.body?.result ?? []).map((each) => object(each).id);
      const id = reply.body?.userId;
      trial.check(ids.length === 1 && ids[0] === id, `${call.key} added ${ids}, and told ${id}`);
    }
  }

  /** Whatever happened meanwhile, every key has the answer that it had. */
  async function repeatAll(): Promise<void> {
    const left = all.values();
    const repeating = async () => {
      for (const answered of left) {
        await assertSame(answered, await untilAnswered(answered.call, answered.caller));
      }
    };
    await Promise.all(Array.from({ length: clientCount }, repeating));
  }

  const running = Promise.all(Array.from({ length: clientCount }, (_, number) => client(number)));
  // What a client throws is told by `stop`.
  running.catch(() => {});
  return {
    answered: (count) =>
      new Promise((resolve, reject) => {
        let left = count;
        const timer = setTimeout(() => reject(new Error(`${left} calls have no answer`)), hangsMs);
        const tell = () => {
          left -= 1;
          if (left > 0) return;
          news.delete(tell);
          clearTimeout(timer);
          resolve();
        };
        news.add(tell);
      }),
    async stop() {
      isStopping = true;
      await running;
      for (const { call, reply } of all) {
        const isExpected = reply.code === 0 || (reply.code === 9 && call.user !== undefined);
        trial.check(isExpected, `${call.key} was answered ${answerOf(reply)}`);
      }
      for (let user = 0; user < userCount; user += 1) await checkUser(user);
      await checkAdded();
      await repeatAll();
    },
  };
}

/** What must be the same whenever a call is answered, by whatever protocol. */
function answerOf({ code, message, details, body }: Reply): string {
  return JSON.stringify([code, message, details, body]);
}
