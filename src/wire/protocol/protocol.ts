import type { Buffer } from "node:buffer";
import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { mergeNonProtocolHeaders } from "@connectrpc/connect/protocol";
import type { Answer, RequestHead } from "../http/exchange.ts";

/** Headers and trailers that a handler and its interceptors have set; `undefined` for none. */
export type Metadata = {
  readonly header: Headers | undefined;
  readonly trailer: Headers | undefined;
};

/** What a protocol must know of a method. */
export type MethodShape = Pick<DescMethodUnary, "input" | "output" | "idempotency">;

/**
 * One way to carry a unary call over HTTP. Knows bytes and headers; does no I/O.
 *
 * The files `grpc.ts`, `grpc-web.ts` and `connect.ts` each make one. `rest.ts` makes dialogs too, but
 * it finds its method itself.
 */
export interface Protocol {
  /** As `HandlerContext.protocolName` has it. */
  readonly name: string;
  /** Whether a request with this content type speaks the protocol. */
  speaks(contentType: string): boolean;
  /**
   * Begin a call. Reads the headers only.
   *
   * @param maxMessageBytes Of the request, as sent and after decompression.
   * @returns The answer at once, if HTTP itself refuses the request (wrong verb, content type).
   */
  open(head: RequestHead, method: MethodShape, maxMessageBytes: number): Dialog | Answer;
}

/** One call in one protocol. */
export interface Dialog {
  /** Most bytes that a body may have. A larger one is refused while it arrives. */
  readonly maxBodyBytes: number;
  /**
   * The deadline that the client sets, in milliseconds; `undefined` for none.
   *
   * @throws ConnectError invalid_argument if it cannot be read.
   */
  timeoutMs(): number | undefined;
  /**
   * Prepare for the body. Reads the headers only.
   *
   * @returns Reads the body. Throws ConnectError if it is not exactly one message of the method's input.
   * @throws ConnectError unimplemented if the body is compressed in a way that is not understood.
   */
  reader(): (body: Buffer) => Message;
  answer(message: Message, metadata: Metadata): Answer;
  refuse(error: ConnectError, metadata: Metadata): Answer;
}

/** Nothing was set. */
export const noMetadata: Metadata = { header: undefined, trailer: undefined };

/** Whether HTTP has refused the request already. */
export function isAnswer(opened: Dialog | Answer): opened is Answer {
  return "status" in opened;
}

/** The headers of an error answer: what was set, and what the error itself brings. */
export function withErrorMetadata(header: Headers | undefined, error: ConnectError): Headers {
  const merged = new Headers(header);
  mergeNonProtocolHeaders(merged, error.metadata);
  return merged;
}
