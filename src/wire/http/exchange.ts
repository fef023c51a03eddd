import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { Shares } from "../bounds/shares.ts";
import type { Unsent } from "../bounds/unsent.ts";
import { AnswerHeaders } from "./lazy-headers.ts";

/** A request without its body. */
export type RequestHead = {
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly method: string;
  /** As sent, up to "?": nothing is decoded. Without scheme and authority of a target in absolute form. */
  readonly path: string;
  /** As sent, after "?"; empty without one. */
  readonly query: string;
  /** The authority of a target in absolute form, as sent. It must be well formed, and is otherwise ignored. */
  readonly authority?: string;
  /** Names in lower case. A repeated `authorization` is joined with ", ", so that it can be refused. */
  readonly headers: IncomingHttpHeaders;
  /** The client's IP address, or that of the nearest proxy that is not trusted. */
  readonly peer: string;
};

/** What all exchanges of a listener have in common. */
export type ExchangeSite = {
  /** The client's address, as `ClientAddresses` has it. */
  readonly clientOf: (peer: string, headers: IncomingHttpHeaders) => string;
  /** As `addressGroup`. */
  readonly groupOf: (address: string) => string;
  readonly unsent: Unsent;
  /** Bytes that were read from new connections, from those of HTTP/2 and under TLS, and wait to be handled. */
  readonly unhandled: Shares;
  /** While the server drains, each HTTP/1.1 connection is closed after its answer. */
  readonly isDraining: () => boolean;
  /** As `Taking`. */
  readonly isTaking: () => boolean;
  /** The time as the field `date` has it. */
  readonly date: () => string;
};

/** A whole answer. */
export type Answer = {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  /** Sent after the body, as HTTP/2 trailers or after the last HTTP/1.1 chunk. */
  readonly trailers?: OutgoingHttpHeaders;
  /** Close an HTTP/1.1 connection after it, because what follows there may be a smuggled request. */
  readonly isLast?: true;
};

/** Takes the body of a request, piece by piece. */
export interface BodyReader {
  /**
   * @param piece The reader may keep it: nobody else changes it.
   * @returns Whether more is wanted. If not, little more comes until `Exchange.resumeBody` is called.
   */
  take(piece: Buffer): boolean;
  /** The body is whole. Not called if the client breaks off: see `Exchange.onGone`. */
  end(): void;
}

/** One HTTP request and its one answer, the same for HTTP/1.1 and HTTP/2. */
export interface Exchange {
  readonly head: RequestHead;
  /**
   * Read the request's body, once. Until then nothing of it is read, and a client that waits to be asked
   * (`Expect: 100-continue`) does not send it. What has arrived by then is given to the reader at once.
   */
  openBody(reader: BodyReader): void;
  /** The reader, which had enough, wants more. */
  resumeBody(): void;
  /** Calls back once, if the client goes away before the answer is sent. There is one callback. */
  onGone(callback: () => void): void;
  /**
   * Send the answer. Does nothing if the client has gone or an answer was begun.
   *
   * @param common Headers in the form of `headerList`. Those of the answer itself go before them.
   */
  respond(answer: Answer, common: HeaderList): void;
  /** Begin an answer whose body comes in pieces. `undefined` if the client has gone. */
  begin(answer: Omit<Answer, "body" | "trailers">, common: HeaderList): AnswerStream | undefined;
  /** Break off, whatever has been sent. */
  abort(): void;
  /**
   * Nothing works for this request any more. Called once; until then the request counts as running, even if
   * its client has gone.
   */
  release(): void;
}

/** Names and values in turn: a form that Node sends without checking or copying it. */
export type HeaderList = readonly string[];

/** The body of an answer that comes in pieces. */
export interface AnswerStream {
  /** Resolves once the client takes more; rejects if it has gone. Wait for it before the next `write`. */
  write(chunk: Uint8Array): Promise<void>;
  end(trailers?: OutgoingHttpHeaders): void;
  /** Break off: the client sees an incomplete answer. */
  abort(): void;
}

/** `Headers` of a handler as Node sends them; several values of one name stay one joined value. */
export function headersToNode(headers: Headers): OutgoingHttpHeaders {
  if (headers instanceof AnswerHeaders && headers.plain !== undefined) return headers.plain;
  const record: OutgoingHttpHeaders = Object.create(null);
  for (const [name, value] of headers) {
    const before = record[name];
    record[name] = before === undefined ? value : [before, value].flat().map(String);
  }
  return record;
}

/** Headers of an answer, copied only if there is something to add. Those that a handler has set come last. */
export function withHeader(
  headers: OutgoingHttpHeaders,
  set: Headers | undefined,
  more?: OutgoingHttpHeaders,
): OutgoingHttpHeaders {
  if (set === undefined && more === undefined) return headers;
  return { ...headers, ...more, ...(set && headersToNode(set)) };
}

/**
 * Headers as a list. A header of `common` is left out if `headers` has one of that name.
 *
 * @param list What they are added to.
 */
export function headerList(
  headers: OutgoingHttpHeaders,
  common: HeaderList = [],
  list: string[] = [],
): string[] {
  for (let index = 0; index < common.length; index += 2) {
    const name = common[index] as string;
    if (!(name in headers)) list.push(name, common[index + 1] as string);
  }
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "string") list.push(name, value);
    else if (Array.isArray(value)) for (const each of value) list.push(name, each);
    else if (value !== undefined) list.push(name, String(value));
  }
  return list;
}
