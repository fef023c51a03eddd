import {
  ConnectError,
  type ContextValues,
  createContextKey,
  type Interceptor,
} from "@connectrpc/connect";
import { errorFrom } from "../../call.ts";
import { echo } from "../../cut.ts";
import { explain, refusal } from "../../refusal.ts";

/** What has ended a stream. Its answer holds that, too, but each protocol has another place for it. */
export type StreamNotes = { error?: ConnectError };

/** Where the interceptor and the gate of a stream leave their notes. */
export const notesKey = createContextKey<StreamNotes>({}, { description: "notes" });

/**
 * Note what ends a stream, and make it ready to be sent.
 *
 * @param errorDomain As `explain` takes it.
 */
export function noteError(
  reason: unknown,
  values: ContextValues,
  errorDomain: string | undefined,
): ConnectError {
  const error = explain(isUnreadable(reason) ? malformed(reason) : errorFrom(reason), errorDomain);
  values.get(notesKey).error = error;
  return error;
}

/**
 * The outermost interceptor of streams: whatever ends one, before its answer or in the middle of it, is
 * noted and explained.
 *
 * @param errorDomain As `explain` takes it.
 */
export function createNoteErrors(errorDomain: string | undefined): Interceptor {
  return (next) => async (request) => {
    const note = (reason: unknown) => noteError(reason, request.contextValues, errorDomain);
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: noting(response.message, note) } : response;
    } catch (reason) {
      throw note(reason);
    }
  };
}

async function* noting<Item>(
  items: AsyncIterable<Item>,
  note: (reason: unknown) => ConnectError,
): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (reason) {
    throw note(reason);
  }
}

/** Connect answers "internal" when it cannot parse a message, though the client has sent it. */
function isUnreadable(reason: unknown): reason is ConnectError {
  return reason instanceof ConnectError && reason.rawMessage.startsWith("parse binary: ");
}

function malformed({ rawMessage, cause }: ConnectError): ConnectError {
  return refusal("messageMalformed", echo(rawMessage), cause);
}
