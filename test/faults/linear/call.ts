import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Caller, callers, type Reply } from "../../support/api/callers.ts";
import { object, text } from "../../support/api/json.ts";
import { methods } from "../../support/api/setting.ts";
import { profileOfNumber, profileText } from "../history/history.ts";
import type { Answer, Result } from "./model.ts";
import type { Planned } from "./wish.ts";

/** Servers of one database. Concurrent calls go to them in turn. */
export type Nodes = {
  readonly urls: readonly string[];
  readonly token: string;
  /** How long a call is repeated whose outcome is open, in milliseconds. Default: its answer counts, whatever it is. */
  readonly patienceMs?: number;
};

/** The users of one history by their names in it, and a name for the history itself, which its keys carry. */
export type Scene = { readonly name: string; readonly users: ReadonlyMap<string, string> };

type Request = Parameters<Caller["call"]>;

/** Codes with which a call is repeated: canceled, deadline exceeded, unavailable. */
const openCodes = [1, 4, 14];

/** The same where servers may lose the answer of their database: unknown, too. */
const openCodesOfStruck = [...openCodes, 2];

/** The pause before a call is repeated whose outcome is open. */
const restMs = 20;

/** The profile of a number, as answers show it. */
export const textOf = (number: number) => profileText(profileOfNumber(number));

/**
 * Make a call, each attempt over the next protocol and on the next server.
 *
 * @param turn Which protocol and server begin.
 * @throws Error if the answer is one that cannot be given here.
 */
export async function call(
  nodes: Nodes,
  scene: Scene,
  wanted: Planned,
  turn: number,
): Promise<Answer> {
  const userId = scene.users.get(wanted.kind === "read" ? wanted.user : wanted.update.user) ?? "";
  if (wanted.kind === "read") {
    const { reply } = await untilAnswered(nodes, (place) =>
      attempt(nodes, turn + place, methods.getHumanProfile, { userId }, {}),
    );
    return { ...wanted, ...answered(reply, profileText(object(reply.body?.profile ?? {}))) };
  }
  const { update, key, lostAfterMs } = wanted;
  const { number, expected } = update;
  // Only a call with a key can be repeated safely.
  const sent = key ?? (nodes.patienceMs === undefined ? undefined : randomUUID());
  const headers = {
    ...(expected !== undefined && { "if-match": `"${expected}"` }),
    ...(sent !== undefined && { "idempotency-key": `"${scene.name} ${sent}"` }),
  };
  const request = { userId, ...profileOfNumber(number) };
  const send = (place: number, signal?: AbortSignal) =>
    attempt(nodes, turn + place, methods.updateHumanProfile, request, headers, signal);
  const { reply, wasLost } = await untilAnswered(nodes, send, lostAfterMs);
  return { kind: "update", update, key, wasLost, ...answered(reply, textOf(number)) };
}

function attempt(
  { urls, token }: Nodes,
  turn: number,
  method: Request[1],
  request: Request[2],
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Reply> {
  const caller = callers[turn % callers.length] as Caller;
  const url = urls[turn % urls.length] ?? "";
  return caller.call(url, method, request, { token, headers, ...(signal && { signal }) });
}

/**
 * The outcome of an attempt that is left is unknown, so the call is repeated until it has an answer.
 *
 * @param lostAfterMs Leave so many attempts: after how long, in milliseconds.
 */
export async function untilAnswered(
  { patienceMs = 0 }: Nodes,
  send: (place: number, signal?: AbortSignal) => Promise<Reply>,
  lostAfterMs: readonly number[] = [],
): Promise<{ readonly reply: Reply; readonly wasLost: boolean }> {
  // A server that loses the answer of its database repeats a call by itself.
  let wasLost = patienceMs > 0;
  for (const [place, ms] of lostAfterMs.entries()) {
    const signal = AbortSignal.timeout(ms);
    try {
      const reply = await send(place, signal);
      if (!openCodes.includes(reply.code)) return { reply, wasLost };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    wasLost = true;
  }
  const until = performance.now() + patienceMs;
  for (let place = lostAfterMs.length; ; place += 1) {
    const reply = await send(place);
    const isOpen = openCodesOfStruck.includes(reply.code) && performance.now() < until;
    if (!isOpen) return { reply, wasLost };
    wasLost = true;
    await pause(restMs);
  }
}

/** @param profile What a success tells of. */
function answered(reply: Reply, profile: string): Pick<Answer, "result" | "told" | "isReplayed"> {
  const { code, message, details, body, headers } = reply;
  return {
    result: resultFrom(reply, profile),
    told: JSON.stringify([code, message, details, body]),
    isReplayed: headers.get("idempotent-replayed") === "true",
  };
}

function resultFrom({ body, code, message, details }: Reply, profile: string): Result {
  if (body !== undefined) {
    const sequence = Number(object(body.details).sequence);
    return { kind: "done", state: { sequence, profile } };
  }
  const info = details.find(({ value }) => value.reason !== undefined)?.value ?? {};
  switch (info.reason) {
    case "PROFILE_NOT_CHANGED":
      return { kind: "unchanged" };
    case "IDEMPOTENCY_KEY_REUSED":
      return { kind: "reused" };
    case "VERSION_MISMATCH": {
      const { expected, current } = object(info.metadata);
      return { kind: "mismatch", expected: text(expected), current: text(current) };
    }
    default:
      throw new Error(`an answer that nothing explains: ${code} ${message}`);
  }
}
