import { promisify } from "node:util";
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzip as gzipAside,
  gzipSync,
} from "node:zlib";
import { echo } from "../cut.ts";
import { compressMinBytes, maxCodings } from "../limits.ts";
import { refusal } from "../refusal.ts";

/** One way to make messages smaller. */
export type Compression = {
  readonly name: string;
  /** At once: messages are small and their size is limited. */
  compress(bytes: Uint8Array): Uint8Array;
  /** On another thread, for what is not small. */
  compressAside(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Nothing stands for the empty message, as with Connect.
   *
   * @param maxBytes Of the output, enforced while it grows: a bomb does not unfold.
   * @throws ConnectError resource_exhausted above `maxBytes`; invalid_argument if it is corrupt.
   */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
};

const gzip: Compression = {
  name: "gzip",
  compress: (bytes) => gzipSync(bytes),
  compressAside: (bytes) => promisify(gzipAside)(bytes),
  decompress: (bytes, maxBytes) =>
    guard(bytes, maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes })),
};

/** Quality 4: the default of 11 takes a hundred times longer for a few percent. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const brotli: Compression = {
  name: "br",
  compress: (bytes) => brotliCompressSync(bytes, brotliOptions),
  compressAside: (bytes) => promisify(brotliCompress)(bytes, brotliOptions),
  decompress: (bytes, maxBytes) =>
    guard(bytes, maxBytes, () => brotliDecompressSync(bytes, { maxOutputLength: maxBytes })),
};

/** In order of preference where the client has none. */
export const compressions: readonly Compression[] = [gzip, brotli];

/** What to tell a client that we understand. */
export const acceptedEncodings = compressions.map(({ name }) => name).join(",");

/** A coding by its one name: case counts for nothing, and `x-gzip` is gzip (RFC 9110 section 8.4.1). */
export function codingFrom(name: string): string {
  const coding = name.trim().toLowerCase();
  return coding === "x-gzip" ? "gzip" : coding;
}

/**
 * The compression that a request names.
 *
 * @param acceptHeader Where the refusal lists what we understand.
 * @returns `undefined` for none and for "identity".
 * @throws ConnectError unimplemented if we do not know it.
 */
export function requestCompression(
  name: string | undefined,
  acceptHeader: string,
): Compression | undefined {
  if (name === undefined || name === "") return undefined;
  const coding = codingFrom(name);
  if (coding === "identity") return undefined;
  const found = compressions.find((each) => each.name === coding);
  if (found !== undefined) return found;
  const error = refusal(
    "compressionUnknown",
    `unknown compression "${echo(name)}": supported encodings are ${acceptedEncodings}`,
  );
  error.metadata.set(acceptHeader, acceptedEncodings);
  throw error;
}

/**
 * The compression for an answer: the first accepted name that we know.
 *
 * @param accepted Names separated by commas; parameters such as `;q=` are ignored, but `q=0` refuses.
 * @returns `undefined` for none, and where the answer is too small to be worth it.
 */
export function answerCompression(
  answer: Uint8Array,
  accepted: string | undefined,
): Compression | undefined {
  if (accepted === undefined || answer.byteLength < compressMinBytes) return undefined;
  for (const part of accepted.split(",", maxCodings)) {
    const [name = "", ...parameters] = part.split(";");
    if (parameters.some((each) => /^q=0(\.0*)?$/i.test(each.trim()))) continue;
    const coding = codingFrom(name);
    const found = compressions.find((each) => each.name === coding);
    if (found !== undefined) return found;
  }
  return undefined;
}

function guard(bytes: Uint8Array, maxBytes: number, decompress: () => Uint8Array): Uint8Array {
  if (bytes.byteLength === 0) return bytes;
  try {
    return decompress();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") {
      throw refusal("messageTooLarge", `message is larger than ${maxBytes} bytes`, error);
    }
    throw refusal("messageMalformed", "the compressed message is corrupt", error);
  }
}
