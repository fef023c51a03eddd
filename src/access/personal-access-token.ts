import { randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { ServiceError } from "../domain/errors.ts";
import type { Directory } from "../store/directory.ts";
import type { Micros } from "../store/event-store.ts";
import { type BearerToken, digestOf } from "./bearer-token.ts";
import type { Authenticator, Caller } from "./caller.ts";
import type { TakeTurn } from "./failed-attempts.ts";
import { defaultMaxAgeMs, memoize, type SteadyClock } from "./memoize.ts";

const prefix = "gir_";
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomBits = 256;
/** 62^43 is the first power of 62 above 2^256. */
const randomWidth = 43;
/** 62^6 is the first power of 62 above 2^32. */
const checksumWidth = 6;

const shape = new RegExp(`^${prefix}[0-9A-Za-z]{${randomWidth + checksumWidth}}$`);

/**
 * Make a token secret: `gir_`, 256 random bits as 43 base62 characters, and the CRC32 of those 43
 * characters as 6 more. The checksum lets scanners of leaked secrets recognise one, and lets us
 * refuse a mistyped one without a look-up.
 *
 * @returns The secret, which is shown once, and the digest, which is stored.
 */
export function createTokenSecret(): { readonly secret: string; readonly digest: string } {
  const random = base62(BigInt(`0x${randomBytes(randomBits / 8).toString("hex")}`), randomWidth);
  const secret = `${prefix}${random}${checksumOf(random)}`;
  return { secret, digest: digestOf(secret) };
}

/** Whether the text has exactly the form of a token secret, checksum included. */
export function isTokenSecret(text: string): boolean {
  if (!shape.test(text)) return false;
  const random = text.slice(prefix.length, prefix.length + randomWidth);
  return text.endsWith(checksumOf(random));
}

/**
 * Recognise our own tokens: everything that starts with `gir_`.
 *
 * A positive answer is reused for `maxAgeMs`, but not after the token has expired; a negative one never.
 *
 * @param options.now Decides whether a token has expired.
 * @param options.maxAgeMs How long a revoked token may go on working. Default: 2,000 ms.
 * @param options.clock Measures `maxAgeMs`. Default: the monotonic clock.
 * @returns Throws ServiceError `tokenInvalid` for a token that is malformed, unknown, expired or
 *   revoked, alike.
 */
export function createPersonalAccessTokenAuthenticator(
  directory: Pick<Directory, "tokenByDigest">,
  options: {
    readonly now: () => Micros;
    readonly maxAgeMs?: number;
    readonly clock?: SteadyClock;
  },
): Authenticator {
  const { now, maxAgeMs = defaultMaxAgeMs, clock = performance } = options;
  const isOver = (end: Micros | undefined) => end !== undefined && end <= now();

  const lookUp = memoize(
    async (
      digest: string,
      takeTurn: TakeTurn,
    ): Promise<{ caller: Caller; expiresAt: Micros | undefined } | undefined> => {
      const found = await takeTurn("directory", () => directory.tokenByDigest(digest));
      if (found === undefined || !isSame(found.token.digest, digest)) return undefined;
      const { token, account } = found;
      if (token.revokedAt !== undefined || isOver(token.expiresAt)) return undefined;
      const caller = {
        subject: account.id,
        organization: account.organization,
        language: undefined,
      };
      return { caller, expiresAt: token.expiresAt };
    },
    { maxAgeMs, clock },
  );

  const recognise = async ({ text, digest }: BearerToken, takeTurn: TakeTurn) => {
    if (!text.startsWith(prefix)) return undefined;
    if (!isTokenSecret(text)) throw new ServiceError("tokenInvalid");
    const answer = await lookUp(digest, takeTurn);
    if (answer === undefined || isOver(answer.expiresAt)) throw new ServiceError("tokenInvalid");
    return answer.caller;
  };
  const remembered = ({ text, digest }: BearerToken) => {
    if (!text.startsWith(prefix)) return undefined;
    const answer = lookUp.remembered(digest);
    return answer === undefined || isOver(answer.expiresAt) ? undefined : answer.caller;
  };
  return Object.assign(recognise, { remembered });
}

/** Compares again, because a database may compare text less strictly, such as without case. */
function isSame(stored: string, computed: string): boolean {
  const [a, b] = [Buffer.from(stored), Buffer.from(computed)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** CRC32 in base62. Computed with numbers, which are faster than BigInts and large enough. */
function checksumOf(text: string): string {
  let digits = "";
  for (let rest = crc32(text); digits.length < checksumWidth; rest = Math.floor(rest / 62)) {
    digits = alphabet.charAt(rest % 62) + digits;
  }
  return digits;
}

function base62(value: bigint, width: number): string {
  let digits = "";
  for (let rest = value; digits.length < width; rest /= 62n) {
    digits = alphabet.charAt(Number(rest % 62n)) + digits;
  }
  return digits;
}
