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
  /** Synchronous, because messages are small and their size is limited. */
  compress(bytes: Uint8Array): Uint8Array;
  /** On another thread, for files. */
  compressAside(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * No bytes are the empty message, as in Connect.
   *
   * @param maxBytes Of the output. Enforced while it grows, so a compression bomb does not fill the memory.
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

/** In our order of preference, for clients that have none. */
export const compressions: readonly Compression[] = [gzip, brotli];

/** The value of headers that say which compressions we accept. */
export const acceptedEncodings = compressions.map(({ name }) => name).join(",");

/** The one name of a coding: case is ignored, and `x-gzip` is gzip (RFC 9110 section 8.4.1). */
export function codingFrom(name: string): string {
  const coding = name.trim().toLowerCase();
  return coding === "x-gzip" ? "gzip" : coding;
}

/**
 * The compression that a request names.
 *
 * @param acceptHeader The header in which a refusal lists what we accept.
 * @returns `undefined` for none and for "identity".
 * @throws ConnectError unimplemented if it is none of `compressions`.
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
 * @returns `undefined` for none, and if the answer is too small.
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
