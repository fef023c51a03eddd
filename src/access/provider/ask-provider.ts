import { ServiceError } from "../../domain/errors.ts";

/**
 * Ask an identity provider for a JSON object. Redirects are not followed, because only the configured
 * address is trusted.
 *
 * @param request.signal Limits the time until the whole answer is there.
 * @param request.maxBytes Of the answer, after decompression.
 * @throws ServiceError `identityProviderUnavailable` if there is no such answer. Its cause names the
 *   address and the reason, and nothing that was sent or answered, because that may hold tokens and
 *   claims. The cause is an UnusableAnswerError if the provider has answered.
 */
export async function askProvider(
  url: string,
  request: RequestInit & { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Readonly<Record<string, unknown>>> {
  const { maxBytes, ...init } = request;
  const response = await fetch(url, { ...init, redirect: "manual" }).catch((error: unknown) => {
    throw unavailable(`${url} cannot be reached`, error);
  });
  const { status } = response;
  const bytes = await bytesOf(response, maxBytes).catch((error: unknown) => {
    // With another status only the error code in the body matters, and it may be missing.
    if (status === 200) throw unavailable(`${url} did not answer to the end`, error);
    return undefined;
  });
  const answer = bytes && objectFrom(bytes);
  if (status !== 200) {
    const reason = `${url} answered with status ${status}`;
    throw isTrouble(response, answer?.error) ? unavailable(reason) : unusable(reason, status);
  }
  if (bytes === undefined) throw unusable(`${url} answered with more than ${maxBytes} bytes`);
  if (answer === undefined) throw unusable(`${url} did not answer with a JSON object`);
  return answer;
}

/**
 * The provider has answered, but not with what it was asked for. This says nothing about its health,
 * because the question may have been about one odd token.
 */
class UnusableAnswerError extends Error {
  override readonly name = "UnusableAnswerError";
  readonly status: number;

  constructor(reason: string, status: number) {
    super(reason);
    this.status = status;
  }
}

/**
 * The error for an answer of no use.
 *
 * @param reason For the log.
 */
export function unusable(reason: string, status = 200): ServiceError {
  const cause = new UnusableAnswerError(reason, status);
  return new ServiceError("identityProviderUnavailable", { cause });
}

/** Whether the provider has answered, so the error says nothing about its health. */
export function isUnusableAnswer(error: unknown): boolean {
  return unusableStatusOf(error) !== undefined;
}

/** The HTTP status of an unusable answer; `undefined` for any other error. */
export function unusableStatusOf(error: unknown): number | undefined {
  if (!(error instanceof ServiceError)) return undefined;
  return error.cause instanceof UnusableAnswerError ? error.cause.status : undefined;
}

/**
 * Whether other questions would fail, too: the provider has an error (5xx), refuses our credentials
 * (401, RFC 7662 section 2.3; or `invalid_client`, RFC 6749 section 5.2), or wants fewer questions (429).
 * A 401 that mentions an invalid token is different: with it, some providers refuse the token that
 * they were asked about.
 */
function isTrouble({ status, headers }: Response, error: unknown): boolean {
  if (status >= 500 || status === 429 || error === "invalid_client") return true;
  const challenge = headers.get("www-authenticate") ?? "";
  return status === 401 && error !== "invalid_token" && !challenge.includes("invalid_token");
}

/**
 * The error for a provider that fails or cannot be reached.
 *
 * @param reason For the log.
 */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError("identityProviderUnavailable", { cause: new Error(reason, { cause }) });
}

/** @returns `undefined` if there are more than `maxBytes`. */
async function bytesOf({ body }: Response, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Drops the error of the parser, because it quotes the answer. */
function objectFrom(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
