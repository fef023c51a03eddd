import type { HandlerContext } from "@connectrpc/connect";
import { ServiceError } from "../../../domain/errors.ts";
import type { EventStore } from "../../../store/event-store.ts";
import { ReceiptTakenError } from "../../../store/receipts.ts";
import { assertPermitted, membershipsKey } from "../../gate/standing.ts";
import { errorFromRefusal, refusalFrom } from "../../repeats/outcome.ts";
import { nameOfCall } from "../../repeats/repeat.ts";
import { beginName, maxAttempts } from "../../repeats/repeatable.ts";
import type { ReceiptOfResults } from "./all-or-nothing.ts";
import { batchFromBytes, bytesFromBatch, type KeptResult } from "./kept-batch.ts";
import { type Keyed, wish } from "./one-by-one.ts";
import { hasRefusal, type Result } from "./results.ts";

/**
 * Run a batch with a key, unless its results are kept. They are stored in the transaction of the batch. Refusals that
 * depend on what is stored are kept, too.
 *
 * @param userIds Of all users of the batch.
 */
export async function runOnce(
  { receipts }: EventStore,
  context: HandlerContext,
  { key, request }: Keyed,
  userIds: readonly string[],
  run: (receipt: ReceiptOfResults) => Promise<Result[]>,
): Promise<Result[]> {
  const name = nameOfCall(context, context.method, key);
  const contentOf = (results: readonly Result[]) =>
    bytesFromBatch({ request, results: keptFrom(results) ?? [] });
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const kept = await beginName(receipts, name, true, userIds);
    if (kept !== undefined) return replay(kept, request, context);
    try {
      const results = await run({ ...name, contentOf });
      const isStored = !hasRefusal(results) && results.some(isChange);
      if (isStored || keptFrom(results) === undefined) return results;
      if (await receipts.keep({ ...name, content: contentOf(results) }, "")) return results;
    } catch (error) {
      if (!(error instanceof ReceiptTakenError)) throw error;
    }
  }
  throw new ServiceError("storeOverloaded");
}

function isChange(result: Result): boolean {
  return result.kind === "done" && result.isChanged;
}

/** `undefined` if the results are not to be kept: the request is wrong, or the caller may not do it. */
function keptFrom(results: readonly Result[]): KeptResult[] | undefined {
  const kept = results.map((result) => {
    if (result.kind === "done") return result;
    const refusal = refusalFrom(result.error);
    return refusal && { ...refusal, organization: result.organization };
  });
  return kept.every((each) => each !== undefined) ? (kept as KeptResult[]) : undefined;
}

function replay(kept: Uint8Array, request: string, context: HandlerContext): Result[] {
  const batch = batchFromBytes(kept, request);
  const memberships = context.values.get(membershipsKey);
  const owners = batch.results.map((result) =>
    result.kind === "done" ? result.written.organization : result.organization,
  );
  for (const owner of new Set(owners)) {
    if (owner !== undefined)
      assertPermitted(memberships, owner, [wish.permission], "userPermissionMissing");
  }
  context.responseHeader.set("idempotent-replayed", "true");
  return batch.results.map((result) =>
    result.kind === "done" ? result : { kind: "refused", error: errorFromRefusal(result) },
  );
}
