import { http1Limits, maxRequestsPerSocket } from "../limits.ts";
import { memoize } from "../memoize.ts";

// Not by `import`: see `http1-server.ts`.
const { STATUS_CODES } = process.getBuiltinModule("node:http");

/** Fields that decide how Node sends an answer, or that it adds itself. */
const special = new Set([
  ...["connection", "content-disposition", "content-length", "date", "expect", "keep-alive"],
  ...["trailer", "transfer-encoding"],
]);

const isUsualName = memoize((name) => /^[a-z-]+$/.test(name) && !special.has(name));

/** What no value may contain: the same as in Node. */
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;

const keepAlive = [
  "Connection: keep-alive",
  `Keep-Alive: timeout=${http1Limits.keepAliveTimeout / 1_000}, max=${maxRequestsPerSocket}`,
  "\r\n",
].join("\r\n");

/**
 * The head of an answer after which the connection stays open: the same text that Node would send, in less time.
 *
 * @param fields Names and values in turn, without those that Node adds.
 * @param bytes Of the body.
 * @returns `undefined` if a field is not a usual one: Node must send it, or refuse to.
 */
export function headText(
  status: number,
  fields: readonly string[],
  bytes: number,
  date: string,
): string | undefined {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (!isUsualName(name) || forbidden.test(value)) return undefined;
    text += `${name}: ${value}\r\n`;
  }
  return `${text}content-length: ${bytes}\r\nDate: ${date}\r\n${keepAlive}`;
}
