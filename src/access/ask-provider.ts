import { ServiceError } from "../domain/errors.ts";

/**
 * Ask an identity provider for a JSON object. Redirects are not followed: the address is the one that
 * was configured, or none.
 *
 * @param request.signal Ends the wait, for the whole answer.
 * @param request.maxBytes Of the answer, after decompression.
 * @throws ServiceError `identityProviderUnavailable` if there is no such answer. Its cause says which
 *   address and why, never what was sent or answered, which may hold tokens and claims.
 */
export async function askProvider(
  url: string,
  request: RequestInit & { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Readonly<Record<string, unknown>>> {
  const { maxBytes, ...init } = request;
  const response = await fetch(url, { ...init, redirect: "manual" }).catch((error: unknown) => {
    throw unavailable(`${url} cannot be reached`, error);
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw unavailable(`${url} answered with status ${response.status}`);
  }
  const text = await textOf(response, maxBytes).catch((error: unknown) => {
    throw unavailable(`${url} did not answer with at most ${maxBytes} bytes of text`, error);
  });
  const answer = objectFrom(text);
  if (answer === undefined) throw unavailable(`${url} did not answer with a JSON object`);
  return answer;
}

/** @param reason For the log. */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError("identityProviderUnavailable", { cause: new Error(reason, { cause }) });
}

async function textOf({ body }: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new RangeError("the answer is too large");
    chunks.push(chunk);
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
}

/** The error of the parser would show what it read. */
function objectFrom(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
