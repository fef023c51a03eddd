import type { ConnectError } from "@connectrpc/connect";
import { errorFrom } from "../../call.ts";
import type { RequestHead } from "../../http/exchange.ts";
import { headersFromNode } from "../../http/lazy-headers.ts";
import { maxCodings } from "../../limits.ts";
import { codingFrom, requestCompression } from "../compression.ts";
import { connectTimeoutFrom } from "../connect.ts";
import { timeoutFrom } from "../grpc.ts";

/**
 * Longest deadline of a stream, in milliseconds: a day. Longer ones are shortened, because a timer
 * above 24.8 days fires at once. The age of the stream ends it before that: `maxStreamAgeMs`.
 */
const maxStreamMs = 86_400_000;

/**
 * The header of a streaming call as `@connectrpc/connect` understands it: codings by the one name that it
 * knows, deadlines that a timer can hold.
 *
 * @returns What is wrong with timeout or compression as `problem`. Those headers are taken out then, so that
 *   Connect does not refuse them in words of its own.
 */
export function headerForConnect({ headers }: RequestHead): {
  readonly header: Headers;
  readonly problem: ConnectError | undefined;
} {
  const header = headersFromNode(headers);
  const isGrpc = headers["content-type"]?.toLowerCase().startsWith("application/grpc");
  const names = isGrpc ? grpcNames : connectNames;
  const problem = takeProblem(header, names);
  renameCodings(header, names);
  return { header, problem };
}

type Names = typeof grpcNames;

const grpcNames = {
  timeout: "grpc-timeout",
  encoding: "grpc-encoding",
  acceptEncoding: "grpc-accept-encoding",
  timeoutFrom,
  longest: `${maxStreamMs}m`,
};

const connectNames: Names = {
  timeout: "connect-timeout-ms",
  encoding: "connect-content-encoding",
  acceptEncoding: "connect-accept-encoding",
  timeoutFrom: connectTimeoutFrom,
  longest: `${maxStreamMs}`,
};

function takeProblem(header: Headers, names: Names): ConnectError | undefined {
  const { timeout, encoding, acceptEncoding } = names;
  try {
    requestCompression(header.get(encoding) ?? undefined, acceptEncoding);
    const timeoutMs = names.timeoutFrom(header.get(timeout) ?? undefined);
    if (timeoutMs !== undefined && timeoutMs > maxStreamMs) header.set(timeout, names.longest);
    return undefined;
  } catch (reason) {
    header.delete(encoding);
    header.delete(timeout);
    return errorFrom(reason);
  }
}

function renameCodings(header: Headers, { encoding, acceptEncoding }: Names): void {
  for (const name of [encoding, acceptEncoding]) {
    const codings = header.get(name)?.split(",", maxCodings).map(codingFrom);
    if (codings !== undefined) header.set(name, codings.join(","));
  }
}
