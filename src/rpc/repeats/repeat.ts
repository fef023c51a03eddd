import { hash } from "node:crypto";
import { type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import { type ContextValues, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import type { Head } from "../../store/event-store.ts";
import type { ReceiptName, ReceiptOfChange } from "../../store/receipts.ts";
import { callerKey } from "../gate/authenticate.ts";
import { organizationKey } from "../gate/authorize.ts";
import { methodName } from "../method-name.ts";
import type { Written } from "./answers.ts";
import { type Decided, type Outcome, type Rights, textFromCall } from "./outcome.ts";

/** A call with a key, while it runs. */
export type Repeat = {
  readonly name: ReceiptName;
  /** Digest of the request. */
  readonly request: string;
  /** What the last decision led to; `undefined` if there was none. */
  written: Written | undefined;
  /** What the last decision was. If it changed something, it brought the receipt along. */
  decided: Decided;
  rights: Rights | undefined;
};

const repeatKey = createContextKey<Repeat | undefined>(undefined, { description: "repeat" });

/** Headers that say what is asked for, beside the message. */
const headersOfRequest = ["if-match", "x-giraffe-update-mask", "x-giraffe-allow-unchanged"];

/** Begin a call with a key. */
export function beginRepeat(key: string, request: Message, context: HandlerContext): Repeat {
  const { values, method } = context;
  return beginPart(values, nameOfCall(context, method, key), digestOfRequest(request, context));
}

/**
 * Begin a call, or a part of one, under a name of its own.
 *
 * @param values Of the part.
 * @param request Digest of the whole request.
 */
export function beginPart(values: ContextValues, name: ReceiptName, request: string): Repeat {
  const decided = { isChanged: false, isThere: false };
  const repeat = { name, request, written: undefined, decided, rights: undefined };
  values.set(repeatKey, repeat);
  return repeat;
}

/**
 * Names what is kept of a call: the caller's, for one method, and in v1 in one organization. In other services the caller's
 * organization says nothing about a call, and may be another one when the call is repeated.
 *
 * @param parts The key, and what names a part of the call.
 */
export function nameOfCall(
  { values }: Pick<HandlerContext, "values">,
  method: DescMethod,
  ...parts: readonly string[]
): ReceiptName {
  return {
    owner: values.get(callerKey)?.subject ?? "",
    name: digest([organizationOf(method, values), methodName(method), ...parts]),
  };
}

function organizationOf({ parent }: DescMethod, values: ContextValues): string {
  return parent.typeName === ManagementService.typeName ? values.get(organizationKey) : "";
}

/** Digest of all that a call asks for. */
export function digestOfRequest(
  request: Message,
  { method, requestHeader }: Pick<HandlerContext, "method" | "requestHeader">,
): string {
  return digest([
    toBinary(method.input, request),
    ...headersOfRequest.map((name) => requestHeader.get(name) ?? ""),
  ]);
}

/** The receipt that a change has to bring along; `undefined` if the call has no key. */
export function receiptOf(
  values: ContextValues,
  userId: string,
  decided: Decided,
): ReceiptOfChange | undefined {
  const repeat = values.get(repeatKey);
  if (repeat === undefined) return undefined;
  repeat.decided = decided;
  return {
    ...repeat.name,
    contentOf: (head) => {
      const written = writtenFrom(userId, head);
      return contentOf(repeat, { kind: "done", written, decided });
    },
  };
}

/** Note what a change led to, for a call that may have changed nothing. */
export function noteWritten(values: ContextValues, userId: string, head: Head<unknown>): void {
  const repeat = values.get(repeatKey);
  if (repeat !== undefined) repeat.written = writtenFrom(userId, head);
}

/** Note which permission the caller needed where the user lives. */
export function noteRights(values: ContextValues, rights: Rights): void {
  const repeat = values.get(repeatKey);
  if (repeat !== undefined) repeat.rights = rights;
}

/** What is kept of a call. */
export function contentOf({ request, rights }: Repeat, outcome: Outcome): string {
  return textFromCall({ request, rights, outcome });
}

type Facts = Omit<Head<unknown>, "state">;

function writtenFrom(
  userId: string,
  { version, organization, createdAt, changedAt }: Facts,
): Written {
  return { userId, version, organization, createdAt, changedAt };
}

/** Each part with its length before it, so that no two lists have the same digest. */
function digest(parts: readonly (string | Uint8Array)[]): string {
  const pieces: Uint8Array[] = [];
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += `${Buffer.byteLength(part)} ${part}`;
    } else {
      pieces.push(Buffer.from(`${text}${part.length} `), part);
      text = "";
    }
  }
  // One call for all pieces takes half the time that one for each takes.
  const whole = pieces.length === 0 ? text : Buffer.concat([...pieces, Buffer.from(text)]);
  return hash("sha256", whole, "base64url");
}
