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
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const kept = await findKept(receipts, repeat.name);
    if (kept !== undefined) return replay(kept, repeat, context, answer);
    try {
      const first = await run();
      if (repeat.decided.isChanged || (await keepDone(receipts, repeat))) return first;
    } catch (error) {
      if (error instanceof ReceiptTakenError) continue;
      const refusal = refusalFrom(error);
      if (refusal === undefined || (await keep(receipts, repeat, refusal))) throw error;
    }
  }
  throw new ServiceError("storeOverloaded");
}

/**
 * What is kept under a name.
 *
 * @throws ServiceError `tooManyIdempotencyKeys`.
 */
export async function findKept(
  receipts: Receipts,
  name: ReceiptName,
): Promise<Uint8Array | undefined> {
  try {
    return await receipts.find(name);
  } catch (cause) {
    if (!(cause instanceof TooManyReceiptsError)) throw cause;
    throw new ServiceError("tooManyIdempotencyKeys", { cause });
  }
}

/** @returns Whether it is kept now; `true` if there is nothing to keep, because nothing was decided. */
async function keepDone(receipts: Receipts, repeat: Repeat): Promise<boolean> {
  const { written, decided } = repeat;
  return written === undefined || keep(receipts, repeat, { kind: "done", written, decided });
}

function keep(receipts: Receipts, repeat: Repeat, outcome: Outcome): Promise<boolean> {
  const { userId = "" } = outcome.kind === "done" ? outcome.written : (repeat.written ?? {});
  return receipts.keep({ ...repeat.name, content: contentOf(repeat, outcome) }, userId);
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
