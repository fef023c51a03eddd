import type { ServerResponse } from "node:http";
import type { UnsentAnswer } from "../bounds/unsent.ts";
import { writeInPieces, writeTracked } from "../bounds/write-in-pieces.ts";
import type { Answer, AnswerStream } from "../http/exchange.ts";
import { lingerMs, pieceBytes } from "../limits.ts";
import type { Http1Request } from "./request.ts";

/** A whole answer, and what decides how it is sent. */
type NodeAnswer = {
  readonly answer: Answer;
  /** Names and values in turn: the answer's own and those that it has in common with all. */
  readonly fields: string[];
  /** Whether to send the body. */
  readonly hasBody: boolean;
  /** Whether the client knows chunks, without which there are no trailers. */
  readonly hasChunks: boolean;
  readonly sending: UnsentAnswer;
};

/** Whether the answer has a content length: not with trailers, which need chunks, nor where no content is allowed. */
export function hasLength({ status, trailers }: Answer): boolean {
  return trailers === undefined && status !== 204 && status !== 304;
}

/** Send a whole answer through Node's response, which can send any. */
export function answerByNode(
  request: Http1Request,
  response: ServerResponse,
  { answer, fields, hasBody, hasChunks, sending }: NodeAnswer,
): void {
  const { status, body, trailers } = answer;
  if (trailers !== undefined && !hasChunks) {
    response.writeHead(505, ["connection", "close", "content-length", "0"]);
    endAfterBody(request, response);
    return;
  }
  if (trailers !== undefined) {
    // Before the head is written, because this throws if they cannot be sent.
    response.addTrailers(trailers as Record<string, string>);
    // RFC 9110, section 6.6.2.
    fields.push("trailer", Object.keys(trailers).join(", "));
  } else if (hasLength(answer)) {
    fields.push("content-length", String(body?.byteLength ?? 0));
  }
  response.writeHead(status, fields);
  const finish = (last: Uint8Array | undefined) => {
    // `end` writes head and body together, which saves a system call.
    if (last !== undefined && request.complete) {
      request.dropBody();
      response.end(last);
      return;
    }
    if (last !== undefined) response.write(last);
    endAfterBody(request, response);
  };
  if (!hasBody || body === undefined) finish(undefined);
  else if (body.byteLength <= pieceBytes) finish(body);
  else writeInPieces(response, body, (bytes) => sending.took(bytes), finish);
}

/** An answer whose head is written, and whose body comes in pieces. */
export function streamByNode(
  request: Http1Request,
  response: ServerResponse,
  sending: UnsentAnswer,
): AnswerStream {
  /** Ends the write that is under way. */
  let fail: ((reason: Error) => void) | undefined;
  // If the client has closed its half, Node keeps what is written and calls nobody back until the connection closes.
  response.once("close", () => fail?.(new Error("the client has gone")));
  return {
    write: (chunk) =>
      new Promise((resolve, reject) => {
        fail = reject;
        writeTracked(response, chunk, sending).then(resolve, reject);
      }),
    end(trailers) {
      if (!sending.handLast()) return;
      if (trailers !== undefined) response.addTrailers(trailers as Record<string, string>);
      endAfterBody(request, response);
    },
    abort: () => response.destroy(),
  };
}

/**
 * End the answer once the request's body has been taken in.
 *
 * An answer that comes before the end of a large or slow body closes the connection. Closing it while the
 * client still sends would reset it before the client has read the answer. So what the client sends is read
 * and dropped for a while first. Meanwhile an answer with a content length arrives whole.
 */
function endAfterBody(request: Http1Request, response: ServerResponse): void {
  if (request.complete) {
    request.dropBody();
    response.end();
    return;
  }
  response.flushHeaders();
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const giveUp = () => {
    end();
    request.socket.destroySoon();
  };
  const timer = setTimeout(giveUp, lingerMs);
  request.once("close", end);
  request.dropBody(end);
}
