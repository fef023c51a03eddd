import { setTimeout as pause } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import { BulkError } from "../bulk-error.ts";
import { objectFrom } from "../line/user-line.ts";

/** The REST API of another server. */
export type RemoteApi = {
  /** Of the server, without a slash at its end. */
  readonly url: string;
  /**
   * Call a method.
   *
   * @param path With a slash at its beginning.
   * @param maxBytes A longer answer is refused. Default: 128 MiB.
   * @throws BulkError if it refuses the call, or does not answer in several attempts.
   */
  post(path: string, body: JsonObject, maxBytes?: number): Promise<JsonObject>;
};

/** A longer answer is not read, in bytes. A page of 1,000 events with large metadata takes less. */
const maxAnswerBytes = 134_217_728;

/** For one attempt, in milliseconds. */
const timeoutMs = 120_000;

/** Pauses before further attempts, in milliseconds: a server may be restarting. */
const pausesMs = [500, 2_000, 5_000, 15_000];

/** Another attempt may succeed: too many requests, or the server, or a proxy before it, is overloaded. */
const mayPass: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * @param url Such as `https://zitadel.example`.
 * @param token Sent with each call. It never goes to another server, because redirections are not followed.
 * @param options.pauses Default: half a second, then longer.
 * @throws BulkError if it is not a URL of HTTP.
 */
export function createRemoteApi(
  url: string,
  token: string,
  { pauses = pausesMs }: { readonly pauses?: readonly number[] } = {},
): RemoteApi {
  const base = baseOf(url);

  async function attempt(
    path: string,
    body: JsonObject,
    maxBytes: number,
  ): Promise<JsonObject | string> {
    const answer = await fetch(`${base}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await boundedText(answer, maxBytes);
    if (answer.ok) return objectFrom(text);
    const reason = `${base}${path} answers ${answer.status}: ${text.slice(0, 300)}`;
    if (mayPass.has(answer.status)) return reason;
    throw new BulkError(reason);
  }

  return {
    url: base,
    async post(path, body, maxBytes = maxAnswerBytes) {
      let reason = "";
      for (const before of [0, ...pauses]) {
        if (before > 0) await pause(before);
        try {
          const answer = await attempt(path, body, maxBytes);
          if (typeof answer !== "string") return answer;
          reason = answer;
        } catch (error) {
          if (error instanceof BulkError) throw error;
          reason = `${base}${path} does not answer: ${wordsOf(error)}`;
        }
      }
      throw new BulkError(reason);
    },
  };
}

function baseOf(text: string): string {
  const url = URL.parse(text);
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  if (url !== null && isWeb && url.search === "" && url.hash === "" && url.username === "") {
    const { pathname, origin } = url;
    return pathname === "/"
      ? origin
      : `${origin}${pathname.slice(0, pathname.endsWith("/") ? -1 : undefined)}`;
  }
  throw new BulkError(`${JSON.stringify(text)} is not a URL such as https://zitadel.example`);
}

async function boundedText(answer: Response, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw new BulkError(`an answer has more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** With the cause, because `fetch` says only that it failed. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
