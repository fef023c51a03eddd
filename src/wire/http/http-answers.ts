import { Buffer } from "node:buffer";
import type { Answer } from "./exchange.ts";

/** 405 with the verbs that are allowed (RFC 9110 section 15.5.6). */
export function methodNotAllowed(allowed: readonly string[]): Answer {
  const verbs = allowed.join(", ");
  return textAnswer(405, `This path takes ${verbs} only.\n`, { allow: verbs });
}

/** 415 with the content types that are accepted (RFC 9110 section 15.5.16). */
export function unsupportedMediaType(accepted: string): Answer {
  const text = `Send one of these content types: ${accepted}\n`;
  return textAnswer(415, text, { "accept-post": accepted });
}

/** An answer for people. Clients of RPC look at the status alone, because JSON would be an error of a call. */
export function textAnswer(status: number, text: string, headers: Answer["headers"] = {}): Answer {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
    body: Buffer.from(text),
  };
}

/** An answer in JSON. */
export function jsonAnswer(status: number, body: unknown, headers: Answer["headers"] = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}

/** For a path without a rule, as gRPC-Gateway answers it. */
export const restNotFound = jsonAnswer(404, { code: 5, message: "Not Found" });

/** For a known path and a wrong verb, as ZITADEL's gateway answers it, and with `Allow`. */
export function restMethodNotAllowed(verbs: readonly string[]): Answer {
  return jsonAnswer(405, { code: 12, message: "Method Not Allowed" }, { allow: verbs.join(", ") });
}

/** The answer to OPTIONS. */
export function allowed(verbs: readonly string[]): Answer {
  return { status: 204, headers: { allow: verbs.join(", ") } };
}

/** The time as the field `date` has it, made once a second. */
export function createDate(): () => string {
  let second = 0;
  let text = "";
  return () => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      second = now;
      text = new Date(1_000 * now).toUTCString();
    }
    return text;
  };
}
