import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/access/bearer-token.ts";
import {
  createPersonalAccessTokenAuthenticator,
  createTokenSecret,
  isTokenSecret,
} from "../../src/access/personal-access-token.ts";
import type { Token } from "../../src/store/directory.ts";
import { openSqlite } from "../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../src/store/sqlite/directory.ts";
import { askingAtOnce } from "./at-once.ts";

const invalid = expect.objectContaining({ key: "tokenInvalid" });
const account = { id: "a-1", organization: "org-1", name: "ci", createdAt: 1 };
const caller = { subject: "a-1", organization: "org-1", language: undefined };

/** A directory that holds one token, an authenticator on it, and how often it was asked. */
async function setUp(properties: Partial<Token> = {}) {
  const { secret, digest } = createTokenSecret();
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const token: Token = {
    id: "t-1",
    digest,
    account: account.id,
    createdAt: 1,
    expiresAt: undefined,
    revokedAt: undefined,
    ...properties,
  };
  await directory.add({
    organizations: [{ id: "org-1", name: "one", createdAt: 1 }],
    serviceAccounts: [account],
    tokens: [token],
  });
  const time = { micros: 1_000, steady: 1, lookUps: 0 };
  const authenticate = askingAtOnce(
    createPersonalAccessTokenAuthenticator(
      {
        tokenByDigest: (asked) => {
          time.lookUps += 1;
          return directory.tokenByDigest(asked);
        },
      },
      { now: () => time.micros, clock: { now: () => time.steady } },
    ),
  );
  return { secret, directory, time, authenticate };
}

describe("createTokenSecret", () => {
  test("makes gir_, 43 characters of secret and 6 of checksum, never the same twice", () => {
    const made = Array.from({ length: 1_000 }, createTokenSecret);
    expect(made.every(({ secret }) => /^gir_[0-9A-Za-z]{49}$/.test(secret))).toBe(true);
    expect(made.every(({ secret }) => isTokenSecret(secret))).toBe(true);
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(1_000);
  });

  test("returns the SHA-256 of the secret in lower-case hex", () => {
    const { secret, digest } = createTokenSecret();
    expect(digest).toBe(createHash("sha256").update(secret).digest("hex"));
    expect(digestOf(secret)).toBe(digest);
  });
});

describe("isTokenSecret", () => {
  const { secret } = createTokenSecret();
  const swapped = (text: string, at: number) =>
    text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
  const flipped = (text: string, at: number) =>
    text.slice(0, at) + (text.charAt(at) === "x" ? "y" : "x") + text.slice(at + 1);
  const places = [...[...secret].keys()];

  test.for([
    { name: "truncated", tokens: places.map((at) => secret.slice(0, at)) },
    { name: "cut in front", tokens: places.map((at) => secret.slice(at + 1)) },
    { name: "extended", tokens: ["0", "A", " ", "=", "\n", "\0"].map((end) => secret + end) },
    { name: "padded in front", tokens: [" ", "0", "\n"].map((start) => start + secret) },
    { name: "flipped", tokens: places.map((at) => flipped(secret, at)) },
    {
      name: "swapped",
      tokens: places.map((at) => swapped(secret, at)).filter((token) => token !== secret),
    },
    { name: "in another case", tokens: [secret.toUpperCase(), secret.toLowerCase()] },
    { name: "doubled", tokens: [secret + secret] },
  ])("refuses a token that is $name", ({ tokens }) => {
    expect(tokens.filter((token) => token !== secret && isTokenSecret(token))).toEqual([]);
  });

  test("refuses any other text without throwing", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !isTokenSecret(text)));
    fc.assert(fc.property(fc.string(), (text) => !isTokenSecret(`gir_${text}`)));
  });
});

describe("createPersonalAccessTokenAuthenticator", () => {
  test("gives the service account and its organization", async () => {
    const { authenticate, secret } = await setUp();
    expect(await authenticate(secret)).toEqual(caller);
  });

  test.for(["eyJhbGciOiJSUzI1NiJ9.e30.x", "GIR_abc", "", "opaque"])(
    "leaves %j to others, without a look-up",
    async (token) => {
      const { authenticate, time } = await setUp();
      expect(await authenticate(token)).toBeUndefined();
      expect(time.lookUps).toBe(0);
    },
  );

  test("refuses a wrong checksum without a look-up", async () => {
    const { authenticate, secret, time } = await setUp();
    await expect(authenticate(`${secret.slice(0, -1)}_`)).rejects.toThrow(invalid);
    await expect(authenticate("gir_")).rejects.toThrow(invalid);
    expect(time.lookUps).toBe(0);
  });

  test.for<{ name: string; token: Partial<Token> }>([
    { name: "an unknown token", token: { digest: "0".repeat(64) } },
    { name: "an expired token", token: { expiresAt: 999 } },
    { name: "a token that ends this very moment", token: { expiresAt: 1_000 } },
    { name: "a revoked token", token: { revokedAt: 1 } },
  ])("refuses $name, every time with a look-up", async ({ token }) => {
    const { authenticate, secret, time } = await setUp(token);
    await expect(authenticate(secret)).rejects.toThrow(invalid);
    await expect(authenticate(secret)).rejects.toThrow(invalid);
    expect(time.lookUps).toBe(2);
  });

  test("reuses an answer for 2 seconds, then notices that the token is revoked", async () => {
    const { authenticate, directory, secret, time } = await setUp();
    await authenticate(secret);
    await directory.revokeToken("t-1", 1_000);
    time.steady += 2_000;
    expect(await authenticate(secret)).toEqual(caller);
    time.steady += 1;
    await expect(authenticate(secret)).rejects.toThrow(invalid);
    expect(time.lookUps).toBe(2);
  });

  test("reuses no answer beyond the token's own end", async () => {
    const { authenticate, secret, time } = await setUp({ expiresAt: 2_000 });
    expect(await authenticate(secret)).toEqual(caller);
    time.micros = 2_000;
    await expect(authenticate(secret)).rejects.toThrow(invalid);
    expect(time.lookUps).toBe(1);
  });

  test("notices a revoked token although the wall clock was set back", async () => {
    const { authenticate, directory, secret, time } = await setUp();
    await authenticate(secret);
    await directory.revokeToken("t-1", 1_000);
    time.micros -= 900;
    time.steady += 2_001;
    await expect(authenticate(secret)).rejects.toThrow(invalid);
  });

  test("passes on that the directory failed", async () => {
    const authenticate = askingAtOnce(
      createPersonalAccessTokenAuthenticator(
        { tokenByDigest: () => Promise.reject(new Error("down")) },
        { now: () => 1 },
      ),
    );
    await expect(authenticate(createTokenSecret().secret)).rejects.toThrow("down");
  });
});
