import type { HandlerContext, MethodImpl } from "@connectrpc/connect";
import type {
  ProfileUpdate,
  UpdateProfilesRequest,
  UserService,
} from "../../../gen/giraffe/v1/user_service_pb.ts";
import { ServiceError } from "../../domain/errors.ts";
import { type Extras, extrasKey, noteChange } from "../extras/extras.ts";
import { callerKey } from "../gate/authenticate.ts";
import { membershipsKey } from "../gate/standing.ts";
import { refuseFields } from "../refuse-fields.ts";
import { digestOfRequest } from "../repeats/repeat.ts";
import { keyOf } from "../repeats/repeatable.ts";
import { updateAllOrNothing } from "./profiles/all-or-nothing.ts";
import { createBatchLimit } from "./profiles/batch-limit.ts";
import { inTurns } from "./profiles/in-turns.ts";
import { runOnce } from "./profiles/kept-results.ts";
import { type Parts, type ReadUpdate, updateOneByOne } from "./profiles/one-by-one.ts";
import { assertBatch, createReadUpdate } from "./profiles/read-update.ts";
import { messageFromResult, type Result } from "./profiles/results.ts";

/** Update the profiles of many users, each by itself or all in one transaction. */
export function createUpdateProfiles(
  parts: Parts,
): MethodImpl<typeof UserService.method.updateProfiles> {
  const readUpdate = createReadUpdate();
  const limited = createBatchLimit();
  return async (request, context) => {
    const { values, signal } = context;
    const extras = extrasOf(request, context);
    assertBatch(request);
    // Everybody whom the provider knows can call. Who has no role would be refused for each user.
    if (values.get(membershipsKey).length === 0) throw new ServiceError("membershipNotFound");
    const read = (update: ProfileUpdate): ReadUpdate => {
      try {
        return readUpdate(update, extras);
      } catch (error) {
        return { userId: update.userId, error };
      }
    };
    return limited(values.get(callerKey)?.subject ?? "", async () => {
      const updates = await inTurns(request.updates, read, signal);
      const results = await run(parts, request, context, updates);
      const isChanged = results.some((result) => result.kind === "done" && result.isChanged);
      noteChange(values, isChanged);
      const messageOf = (result: Result, place: number) =>
        messageFromResult(updates[place]?.userId ?? "", result, context);
      // To the end: what is stored must not be answered with the error of a deadline that has passed since.
      return { results: await inTurns(results, messageOf) };
    });
  };
}

/**
 * What headers and message ask for. Each update has a version of its own, so a header with one is refused.
 *
 * @throws ServiceError `fieldNotSupported`.
 */
function extrasOf(
  { validateOnly, allowUnchanged }: UpdateProfilesRequest,
  { values, requestHeader }: HandlerContext,
): Extras {
  refuseFields({ "if-match": requestHeader.has("if-match") });
  const { isDryRun, allowsUnchanged, ...rest } = values.get(extrasKey);
  const extras = {
    ...rest,
    isDryRun: isDryRun || validateOnly,
    allowsUnchanged: allowsUnchanged || allowUnchanged,
  };
  values.set(extrasKey, extras);
  return extras;
}

function run(
  parts: Parts,
  request: UpdateProfilesRequest,
  context: HandlerContext,
  updates: readonly ReadUpdate[],
): Promise<Result[]> {
  const key = keyOf(context);
  const keyed = key === undefined ? undefined : { key, request: digestOfRequest(request, context) };
  if (!request.allOrNothing) return updateOneByOne(parts, context, updates, keyed);
  if (keyed === undefined) return updateAllOrNothing(parts, context, updates, undefined);
  const userIds = updates.map(({ userId }) => userId);
  return runOnce(parts.store, context, keyed, userIds, (receipt) =>
    updateAllOrNothing(parts, context, updates, receipt),
  );
}
