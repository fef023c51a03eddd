import type { HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../../domain/errors.ts";
import {
  type ReceiptName,
  type Receipts,
  ReceiptTakenError,
  TooManyReceiptsError,
} from "../../store/receipts.ts";
import { extrasKey, noteChange, noteVersion } from "../extras/extras.ts";
import { assertPermitted, membershipsKey } from "../gate/standing.ts";
import type { Written } from "./answers.ts";
import { keyFromHeader } from "./idempotency-key.ts";
import { callFromBytes, errorFromRefusal, type Outcome, refusalFrom } from "./outcome.ts";
import { beginRepeat, contentOf, type Repeat } from "./repeat.ts";

type Handler = (request: never, context: HandlerContext) => unknown;

/** How often a key may be found taken and then free again. It happens only when a key is a day old. */
export const maxAttempts = 3;

/**
 * Let callers repeat a call safely by `idempotency-key`: the first outcome is kept for a day, and a repeat gets
 * it again, marked by `idempotent-replayed: true`.
 *
 * What changes is stored in one transaction with its outcome. Nobody waits for a call with the same key: both
 * are run, the first that is stored has the key, and the other is answered from it. So it makes no difference
 * whether they run on one server or on several.
 *
 * @param handlers Those with an answer in the table become repeatable.
 * @param answers By the name of the handler.
 */
export function repeatable<Handlers extends object>(
  receipts: Receipts,
  handlers: Handlers,
  answers: Readonly<Record<string, (written: Written) => object>>,
): Handlers {
  const all = Object.entries(handlers as Record<string, Handler>).map(([name, handler]) => {
    const answer = answers[name];
    return [name, answer === undefined ? handler : withKey(receipts, handler, answer)];
  });
  return Object.fromEntries(all) as Handlers;
}

function withKey(
  receipts: Receipts,
  handler: Handler,
  answer: (written: Written) => object,
): Handler {
  return (request, context) => {
    const key = keyOf(context);
    if (key === undefined) return handler(request, context);
    const repeat = beginRepeat(key, request, context);
    return repeatOnce(receipts, repeat, context, answer, () => handler(request, context));
  };
}

/**
 * The key of a call; `undefined` if it has none. A dry run leaves nothing behind.
 *
 * @throws ServiceError `idempotencyKeyInvalid`.
 */
export function keyOf({
  requestHeader,
  values,
}: Pick<HandlerContext, "requestHeader" | "values">): string | undefined {
  const key = keyFromHeader(requestHeader.get("idempotency-key"));
  return values.get(extrasKey).isDryRun ? undefined : key;
}

/**
 * Run a call with a key, unless its outcome is kept.
 *
 * @param answer Makes the answer of a call whose outcome is kept.
 */
export async function repeatOnce(
  receipts: Receipts,
  repeat: Repeat,
  context: Pick<HandlerContext, "values" | "responseHeader">,
  answer: (written: Written) => object,
  run: () => unknown,
): Promise<unknown> {
  let kept = await beginName(receipts, repeat.name);
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    if (kept !== undefined) return replay(kept, repeat, context, answer);
    const { give, became } = await runAndKeep(receipts, repeat, run);
    if (became === "kept" || became === "failed") return give();
    kept = await receipts.find(repeat.name);
    if (kept === undefined && became === "not to be kept") return give();
  }
  throw new ServiceError("storeOverloaded");
}

/**
 * What is kept under a name, as `Receipts.begin` tells.
 *
 * @param streams As for `Receipts.find`.
 * @throws ServiceError `tooManyIdempotencyKeys`.
 */
export async function beginName(
  receipts: Receipts,
  name: ReceiptName,
  mustLook = false,
  streams?: readonly string[],
): Promise<Uint8Array | undefined> {
  try {
    return await receipts.begin(name, mustLook, streams);
  } catch (cause) {
    if (!(cause instanceof TooManyReceiptsError)) throw cause;
    throw new ServiceError("tooManyIdempotencyKeys", { cause });
  }
}

/** A call that was run. */
type Ended = {
  /** Its answer, or the error that it throws. */
  readonly give: () => unknown;
  /** A failure of the store says nothing about the call, which is to be repeated. */
  readonly became: "kept" | "name is taken" | "not to be kept" | "failed";
};

async function runAndKeep(receipts: Receipts, repeat: Repeat, run: () => unknown): Promise<Ended> {
  try {
    const first = await run();
    return { give: () => first, became: await keepDone(receipts, repeat) };
  } catch (error) {
    const give = () => {
      throw error;
    };
    if (error instanceof ReceiptTakenError) return { give, became: "name is taken" };
    if (!(error instanceof ServiceError)) return { give, became: "failed" };
    const refusal = refusalFrom(error);
    if (refusal === undefined) return { give, became: "not to be kept" };
    return { give, became: await keep(receipts, repeat, refusal) };
  }
}

/** Keep what a call has answered, unless its change brought it along, or nothing was decided. */
async function keepDone(receipts: Receipts, repeat: Repeat): Promise<Ended["became"]> {
  const { written, decided } = repeat;
  if (decided.isChanged) return "kept";
  if (written === undefined) return "not to be kept";
  return keep(receipts, repeat, { kind: "done", written, decided });
}

async function keep(
  receipts: Receipts,
  repeat: Repeat,
  outcome: Outcome,
): Promise<"kept" | "name is taken"> {
  const { userId = "" } = outcome.kind === "done" ? outcome.written : (repeat.written ?? {});
  const content = contentOf(repeat, outcome);
  return (await receipts.keep({ ...repeat.name, content }, userId)) ? "kept" : "name is taken";
}

/** @throws ServiceError The refusal that is kept, `idempotencyKeyReused`, or what `assertPermitted` throws. */
function replay(
  kept: Uint8Array,
  repeat: Repeat,
  { values, responseHeader }: Pick<HandlerContext, "values" | "responseHeader">,
  answer: (written: Written) => object,
): object {
  const { request, rights, outcome } = callFromBytes(kept);
  if (rights !== undefined) {
    const { organization, permissions } = rights;
    const memberships = values.get(membershipsKey);
    assertPermitted(memberships, organization, permissions, "userPermissionMissing");
  }
  if (request !== repeat.request) throw new ServiceError("idempotencyKeyReused");
  responseHeader.set("idempotent-replayed", "true");
  if (outcome.kind === "refused") throw errorFromRefusal(outcome);
  const { written, decided } = outcome;
  noteChange(values, decided.isChanged);
  if (decided.isThere) noteVersion(values, written.version);
  return answer(written);
}
