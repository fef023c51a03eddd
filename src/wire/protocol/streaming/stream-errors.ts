import { create, toBinary } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  type Interceptor,
} from "@connectrpc/connect";
import { errorFrom } from "../../call.ts";
import { echo } from "../../cut.ts";
import { explain, refusal } from "../../refusal.ts";

/** What those who see to a stream share. */
export type StreamNotes = {
  /** What has ended it. Its answer holds that, too, but each protocol has another place for it. */
  error?: ConnectError;
  /** Whoever waits for the client's next message gets this error. */
  readonly breakOff?: (reason: ConnectError) => void;
};

/** The notes of a stream. */
export const notesKey = createContextKey<StreamNotes>({}, { description: "notes" });

/**
 * Note what ends a stream, unless something has ended it before, and make it ready to be sent. Details that cannot be encoded
 * must not cost the client its answer.
 *
 * @param errorDomain As `explain` takes it.
 */
export function noteError(
  reason: unknown,
  values: ContextValues,
  errorDomain: string | undefined,
): ConnectError {
  const ending = isUnreadable(reason) ? malformed(reason) : errorFrom(reason);
  const sendable = ending.details.every(isEncodable) ? ending : internal(ending);
  const error = explain(sendable, errorDomain);
  values.get(notesKey).error ??= error;
  return error;
}

function isEncodable(detail: ConnectError["details"][number]): boolean {
  if (!("desc" in detail)) return true;
  try {
    toBinary(detail.desc, create(detail.desc, detail.value));
    return true;
  } catch {
    return false;
  }
}

function internal(cause: unknown): ConnectError {
  return new ConnectError("internal error", Code.Internal, undefined, undefined, cause);
}

/**
 * The outermost interceptor of streams: whatever ends one, before its answer or in the middle of it, is
 * noted and explained. When its signal is aborted, for a deadline or by the server, a handler that waits for the client's
 * next message ends, too.
 *
 * @param errorDomain As `explain` takes it.
 */
export function createNoteErrors(errorDomain: string | undefined): Interceptor {
  return (next) => async (request) => {
    const { signal, contextValues } = request;
    const note = (reason: unknown) => noteError(reason, contextValues, errorDomain);
    const breakOff = () => contextValues.get(notesKey).breakOff?.(errorFrom(signal.reason));
    if (signal.aborted) breakOff();
    else signal.addEventListener("abort", breakOff);
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
