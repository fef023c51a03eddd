import type { HandlerContext } from "@connectrpc/connect";
import { permissionsOf } from "../../../access/roles.ts";
import { ServiceError } from "../../../domain/errors.ts";
import type { EventStore } from "../../../store/event-store.ts";
import { changeHuman } from "../../change-human.ts";
import { extrasKey, isChangeNoted } from "../../extras/extras.ts";
import { membershipsKey } from "../../gate/standing.ts";
import type { Written } from "../../repeats/answers.ts";
import { beginPart, nameOfCall } from "../../repeats/repeat.ts";
import { beginName, maxAttempts, repeatOnce } from "../../repeats/repeatable.ts";
import { reachHuman, type Users } from "../../user/reach-user.ts";
import { batchFromBytes, bytesFromBatch } from "./kept-batch.ts";
import { partValues } from "./part-values.ts";
import type { CheckedUpdate } from "./read-update.ts";
import type { Result } from "./results.ts";
import { sideBySide } from "./side-by-side.ts";

/** Where updates are stored. */
export type Parts = Users & { readonly store: EventStore };

/** The key of a call, and a digest of what the call asks for. */
export type Keyed = { readonly key: string; readonly request: string };

/** An update, or why it breaks a rule. */
export type ReadUpdate = CheckedUpdate | { readonly userId: string; readonly error: unknown };

/** The permission that a caller needs where each user lives, and the error for who is not there. */
export const wish = { permission: "user.write", missing: "profileNotFound" } as const;

/**
 * Store each update by itself, as if it were a call of its own.
 *
 * If the call has a key, each update is stored with its own outcome, under a name made of the key and the user. So a
 * call that was broken off can be repeated: what was stored is answered, and the rest is done.
 */
export async function updateOneByOne(
  parts: Parts,
  context: HandlerContext,
  updates: readonly ReadUpdate[],
  wanted: Keyed | undefined,
): Promise<Result[]> {
  const keyed = mayChangeAnybody(context) ? wanted : undefined;
  if (keyed !== undefined) await beginBatch(parts.store, context, keyed);
  const run = async (update: ReadUpdate): Promise<Result> => {
    if ("error" in update) return { kind: "refused", error: update.error };
    try {
      return await updateOne(parts, context, update, keyed);
    } catch (error) {
      return { kind: "refused", error };
    }
  };
  return sideBySide(updates, run, context.signal);
}

/** Whoever may not is refused every update, and leaves nothing behind: the key of the batch is not kept either. */
function mayChangeAnybody({ values }: HandlerContext): boolean {
  return values.get(membershipsKey).some(({ role }) => permissionsOf(role).has(wish.permission));
}

/** Bind the key to the request, before anything is stored. */
async function beginBatch(
  { receipts }: EventStore,
  context: HandlerContext,
  { key, request }: Keyed,
): Promise<void> {
  const name = nameOfCall(context, context.method, key);
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const kept = await beginName(receipts, name, true);
    if (kept !== undefined) {
      batchFromBytes(kept, request);
      context.responseHeader.set("idempotent-replayed", "true");
      return;
    }
    const content = bytesFromBatch({ request, results: [] });
    if (await receipts.keep({ ...name, content }, "")) return;
  }
  throw new ServiceError("storeOverloaded");
}

async function updateOne(
  parts: Parts,
  context: HandlerContext,
  { userId, extras, profile }: CheckedUpdate,
  keyed: Keyed | undefined,
): Promise<Result> {
  const { signal, method } = context;
  const values = partValues(context.values).set(extrasKey, extras);
  const done = (written: Written): Result => ({
    kind: "done",
    written,
    isChanged: isChangeNoted(values),
  });
  const run = async () => {
    const { organization } = await reachHuman(parts, values, userId, wish);
    const command = { type: "change-profile", profile } as const;
    const head = await changeHuman(parts.store, { values, signal }, userId, organization, command);
    return done({ ...head, userId });
  };
  if (keyed === undefined) return run();
  const name = nameOfCall({ values }, method, keyed.key, userId);
  const repeat = beginPart(values, name, keyed.request);
  const part = { values, responseHeader: new Headers() };
  return (await repeatOnce(parts.store.receipts, repeat, part, done, run)) as Result;
}
