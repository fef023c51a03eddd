import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { createExternalCaller } from "../../../src/access/provider/external-caller.ts";
import { createIntrospectionAuthenticator } from "../../../src/access/provider/introspection.ts";
import type { ServiceError } from "../../../src/domain/errors.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import { audience, type Disorder, disorders, startIssuer } from "../../support/identity/issuer.ts";
import { waitForProviders } from "../../support/identity/patience.ts";
import { askingAtOnce } from "../at-once.ts";

// Long because of its tables of answers of a provider, one row for each.

const patience = waitForProviders();
const second = 1_000_000;
const start = Date.parse("2026-01-31T12:00:00Z") * 1_000;
const nowSeconds = start / second;

/** A provider that knows the token "good", and an authenticator that asks it. */
async function setUp(options: { isOidc?: boolean; clientId?: string; clientSecret?: string } = {}) {
  const { isOidc = false, clientId = "giraffe", clientSecret = "s3cret" } = options;
  const time = { micros: start, steady: 1 };
  const issuer = await startIssuer();
  onTestFinished(() => issuer.close());
  issuer.opaque.set("good", { active: true, sub: "sam" });
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const clock = { now: () => time.steady };
  const authenticate = askingAtOnce(
    createIntrospectionAuthenticator({
      url: issuer.introspectionUrl,
      clientId,
      clientSecret,
      expected: isOidc ? { issuer: issuer.url, audience } : undefined,
      callerOf: createExternalCaller({
        directory,
        store: { loadOnInstance: async () => undefined },
        clock,
      }),
      now: () => time.micros,
      clock,
    }),
  );
  return {
    issuer,
    time,
    authenticate,
    pass: (ms: number) => {
      time.steady += ms;
      time.micros += ms * 1_000;
    },
    /** The caller's subject, or the key of the refusal. */
    outcome: (token: string) =>
      authenticate(token).then(
        (caller) => caller?.subject ?? "not mine",
        (error: ServiceError) => error.key,
      ),
  };
}

const withStatus =
  (status: number, headers: Record<string, string> = {}, body = "{}"): Disorder =>
  (response) =>
    response.writeHead(status, headers).end(body);

describe("I10: createIntrospectionAuthenticator", () => {
  test("asks by POST, with its credentials, about an access token", async () => {
    const { issuer, outcome } = await setUp({ clientId: "a:b c", clientSecret: "ü/%+" });
    expect(await outcome("good")).toBe("sam");
    expect(issuer.asked).toEqual(["/introspect"]);
    const [asked] = issuer.introspections;
    expect(Object.fromEntries(asked?.form ?? [])).toEqual({
      token: "good",
      token_type_hint: "access_token",
    });
    expect(atob(asked?.authorization.replace(/^Basic /, "") ?? "")).toBe("a%3Ab+c:%C3%BC%2F%25%2B");
  });

  test("gives the subject, the organization and the language that the answer names", async () => {
    const { authenticate, issuer } = await setUp();
    issuer.opaque.set("rich", {
      active: true,
      sub: "sam",
      locale: "fr",
      "urn:zitadel:iam:user:resourceowner:id": "42",
    });
    expect(await authenticate("rich")).toEqual({
      subject: "sam",
      organization: "42",
      language: "fr",
    });
  });

  test.for<{ name: string; answer: Record<string, unknown> }>([
    { name: "is not active", answer: { active: false } },
    { name: "is not active, whoever it names", answer: { active: false, sub: "sam" } },
    { name: "names nobody", answer: { active: true } },
    { name: "names an empty subject", answer: { active: true, sub: "" } },
    { name: "names a list", answer: { active: true, sub: ["sam"] } },
    { name: "has ended", answer: { active: true, sub: "sam", exp: nowSeconds - 1 } },
    { name: "ends now", answer: { active: true, sub: "sam", exp: nowSeconds } },
    { name: "ends in words", answer: { active: true, sub: "sam", exp: "tomorrow" } },
    { name: "ends between seconds", answer: { active: true, sub: "sam", exp: nowSeconds + 0.5 } },
    { name: "is bound to a key", answer: { active: true, sub: "sam", cnf: { jkt: "x" } } },
  ])("refuses a token that $name", async ({ answer }) => {
    const { issuer, outcome } = await setUp();
    issuer.opaque.set("odd", answer);
    expect(await outcome("odd")).toBe("tokenInvalid");
  });

  test.for<{ name: string; answer: Record<string, unknown>; want: string }>([
    { name: "says nothing of issuer and audience", answer: {}, want: "sam" },
    { name: "is for us", answer: { aud: audience }, want: "sam" },
    { name: "is for us, too", answer: { aud: ["other", audience] }, want: "sam" },
    { name: "is for another", answer: { aud: "other" }, want: "tokenInvalid" },
    { name: "is for nobody", answer: { aud: [] }, want: "tokenInvalid" },
    { name: "is another issuer's", answer: { iss: "https://id.example" }, want: "tokenInvalid" },
  ])(
    "with an issuer configured, answers a token that $name with $want",
    async ({ answer, want }) => {
      const { issuer, outcome } = await setUp({ isOidc: true });
      issuer.opaque.set("named", { active: true, sub: "sam", ...answer });
      expect(await outcome("named")).toBe(want);
    },
  );

  test.for([
    ...["exp", "nbf", "iat", "iss", "aud", "cnf", "jti", "scope", "client_id", "username"],
    ...["token_type", "locale", "urn:zitadel:iam:user:resourceowner:id"],
  ])("B4: takes null for %s as absent", async (name) => {
    const { authenticate, issuer } = await setUp({ isOidc: true });
    issuer.opaque.set("with null", { active: true, sub: "sam", [name]: null });
    expect(await authenticate("with null")).toEqual(await authenticate("good"));
  });

  test.for([
    { name: "active", answer: { active: null, sub: "sam" } },
    { name: "sub", answer: { active: true, sub: null } },
  ])("B4: refuses a token with null for $name", async ({ answer }) => {
    const { issuer, outcome } = await setUp();
    issuer.opaque.set("odd", answer);
    expect(await outcome("odd")).toBe("tokenInvalid");
  });

  test.for<{ name: string; answer: unknown }>([
    { name: "yes for active", answer: { active: "yes", sub: "sam" } },
    { name: "1 for active", answer: { active: 1, sub: "sam" } },
    { name: "no word of active", answer: { sub: "sam" } },
    { name: "true alone", answer: true },
  ])("lets nobody in by an answer with $name", async ({ answer }) => {
    const { issuer, outcome } = await setUp();
    issuer.opaque.set("odd", answer);
    expect(await outcome("odd")).toBe("identityProviderUnavailable");
  });

  const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
  test.for(
    Object.entries({
      ...disorders,
      "with a bomb": (response: Parameters<(typeof disorders)[string] & {}>[0]) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    }),
  )("lets nobody in when the provider answers %s, and comes back", async ([, disorder]) => {
    const { issuer, outcome } = await setUp();
    issuer.disorder = disorder;
    expect(await outcome("good")).toBe("identityProviderUnavailable");
    issuer.disorder = undefined;
    expect(await outcome("good")).toBe("sam");
  });

  test("follows no redirect, which would carry the token to others", async () => {
    const { issuer, outcome } = await setUp();
    const stranger = await startIssuer();
    onTestFinished(() => stranger.close());
    stranger.opaque.set("good", { active: true, sub: "sam" });
    issuer.disorder = (response) =>
      response.writeHead(307, { location: stranger.introspectionUrl }).end();
    expect(await outcome("good")).toBe("identityProviderUnavailable");
    expect(stranger.asked).toEqual([]);
  });

  test("lets nobody in when there is no provider", async () => {
    const { issuer, outcome } = await setUp();
    await issuer.close();
    expect(await outcome("good")).toBe("identityProviderUnavailable");
  });

  test("waits no longer than 2 seconds", async () => {
    const { issuer, outcome } = await setUp();
    issuer.disorder = () => {};
    const late = await patience.limited(() => outcome("good"));
    expect(late).toBe("identityProviderUnavailable");
  });

  test("reuses a good answer for 30 seconds, then notices that the token is revoked", async () => {
    const { issuer, outcome, pass } = await setUp();
    expect(await outcome("good")).toBe("sam");
    issuer.opaque.delete("good");
    pass(30_000);
    expect(await outcome("good")).toBe("sam");
    pass(1);
    expect(await outcome("good")).toBe("tokenInvalid");
    expect(issuer.introspections).toHaveLength(2);
  });

  test("reuses a refusal for 5 seconds, then notices that the token is good", async () => {
    const { issuer, outcome, pass } = await setUp();
    expect(await outcome("late")).toBe("tokenInvalid");
    issuer.opaque.set("late", { active: true, sub: "sam" });
    pass(5_000);
    expect(await outcome("late")).toBe("tokenInvalid");
    pass(1);
    expect(await outcome("late")).toBe("sam");
    expect(issuer.introspections).toHaveLength(2);
  });

  test("reuses no answer beyond the token's own end", async () => {
    const { issuer, outcome, time } = await setUp();
    issuer.opaque.set("short", { active: true, sub: "sam", exp: nowSeconds + 10 });
    expect(await outcome("short")).toBe("sam");
    time.micros = start + 10 * second - 1;
    expect(await outcome("short")).toBe("sam");
    time.micros = start + 10 * second;
    expect(await outcome("short")).toBe("tokenInvalid");
    expect(issuer.introspections).toHaveLength(1);
  });

  test("forgets a good answer though the wall clock was set back", async () => {
    const { issuer, outcome, time } = await setUp();
    expect(await outcome("good")).toBe("sam");
    issuer.opaque.delete("good");
    time.micros -= 3_600 * second;
    time.steady += 30_001;
    expect(await outcome("good")).toBe("tokenInvalid");
  });

  test("goes on with good answers during an outage, while they last", async () => {
    const { issuer, outcome, pass } = await setUp();
    expect(await outcome("good")).toBe("sam");
    issuer.disorder = (response) => response.destroy();
    pass(30_000);
    expect(await outcome("good")).toBe("sam");
    pass(1);
    expect(await outcome("good")).toBe("identityProviderUnavailable");
  });

  test("asks once for all who bring a token at the same time", async () => {
    const { issuer, outcome } = await setUp();
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => outcome("good")));
    expect(new Set(outcomes)).toEqual(new Set(["sam"]));
    expect(issuer.introspections).toHaveLength(1);
  });

  test("after 5 failures in a row asks once a second, until it is answered", async () => {
    const { issuer, outcome, pass } = await setUp();
    issuer.disorder = (response) => response.writeHead(503).end();
    const askOften = async (times: number) => {
      issuer.asked.length = 0;
      for (let time = 0; time < times; time += 1)
        expect(await outcome("good")).toBe("identityProviderUnavailable");
      return issuer.asked.length;
    };
    expect(await askOften(50)).toBe(5);
    pass(999);
    expect(await askOften(50)).toBe(0);
    pass(1);
    expect(await askOften(50)).toBe(1);
    issuer.disorder = undefined;
    pass(1_000);
    expect(await outcome("good")).toBe("sam");
    expect(await outcome("other")).toBe("tokenInvalid");
    issuer.disorder = (response) => response.writeHead(503).end();
    pass(30_001);
    expect(await askOften(50)).toBe(5);
  });

  test.for<{ name: string; disorder: Disorder; want: string }>([
    ...[400, 413, 414, 422, 431].map((status) => ({
      name: `status ${status}`,
      disorder: withStatus(status),
      want: "tokenInvalid",
    })),
    ...[403, 404, 405, 409, 302, 204].map((status) => ({
      name: `status ${status}`,
      disorder: withStatus(status),
      want: "identityProviderUnavailable",
    })),
    ...["with a page", "with an array", "with nothing", "with a megabyte"].map((name) => ({
      name,
      disorder: disorders[name] as Disorder,
      want: "identityProviderUnavailable",
    })),
    {
      name: "status 401 about the token in a header",
      disorder: withStatus(401, { "www-authenticate": 'Bearer error="invalid_token"' }),
      want: "identityProviderUnavailable",
    },
    {
      name: "status 401 about the token in the body",
      disorder: withStatus(401, {}, '{"error":"invalid_token"}'),
      want: "identityProviderUnavailable",
    },
  ])(
    "B2: goes on asking about other tokens after 50 odd ones that are answered with $name",
    async ({ disorder, want }) => {
      const { issuer, outcome } = await setUp();
      issuer.disorder = disorder;
      for (let number = 0; number < 50; number += 1)
        expect(await outcome(`odd-${number}`)).toBe(want);
      issuer.disorder = undefined;
      expect(await outcome("good")).toBe("sam");
      expect(issuer.asked).toHaveLength(51);
    },
  );

  test.for<{ name: string; disorder: Disorder }>([
    { name: "status 500", disorder: withStatus(500) },
    { name: "status 503", disorder: withStatus(503) },
    { name: "status 429", disorder: withStatus(429) },
    { name: "status 401", disorder: withStatus(401) },
    {
      name: "invalid_client",
      disorder: withStatus(400, {}, '{"error":"invalid_client"}'),
    },
    { name: "no answer", disorder: (response) => response.destroy() },
    {
      name: "half an answer",
      disorder: (response) => {
        response.writeHead(200, { "content-length": 100 }).write("{");
        setImmediate(() => response.destroy());
      },
    },
  ])("B2: stops asking a provider that answers five times with $name", async ({ disorder }) => {
    const { issuer, outcome, pass } = await setUp();
    issuer.disorder = disorder;
    for (let number = 0; number < 50; number += 1)
      expect(await outcome(`any-${number}`)).toBe("identityProviderUnavailable");
    expect(issuer.asked).toHaveLength(5);
    issuer.disorder = undefined;
    pass(1_000);
    expect(await outcome("good")).toBe("sam");
  });

  test("B2: takes an unusable answer for the end of an outage", async () => {
    const { issuer, outcome, pass } = await setUp();
    issuer.disorder = withStatus(503);
    for (let number = 0; number < 10; number += 1) await outcome(`any-${number}`);
    issuer.disorder = withStatus(403);
    pass(1_000);
    expect(await outcome("odd")).toBe("identityProviderUnavailable");
    issuer.disorder = undefined;
    expect(await outcome("good")).toBe("sam");
  });

  test("B2: reuses for 5 seconds that the provider refused a token with status 400", async () => {
    const { issuer, outcome, pass } = await setUp();
    issuer.disorder = withStatus(400);
    for (let time = 0; time < 10; time += 1) expect(await outcome("good")).toBe("tokenInvalid");
    expect(issuer.asked).toHaveLength(1);
    issuer.disorder = undefined;
    pass(5_001);
    expect(await outcome("good")).toBe("sam");
  });

  test("never asks more than 256 things at once", async () => {
    const { issuer, outcome } = await setUp();
    const waiting: (() => void)[] = [];
    issuer.disorder = (response) =>
      void waiting.push(() => response.writeHead(200).end('{"active":true,"sub":"sam"}'));
    const outcomes = Array.from({ length: 300 }, (_, number) => outcome(`token-${number}`));
    await expect.poll(() => waiting.length).toBe(256);
    for (const answer of waiting) answer();
    const all = await Promise.all(outcomes);
    expect(all.filter((one) => one === "sam")).toHaveLength(256);
    expect(all.filter((one) => one === "identityProviderUnavailable")).toHaveLength(44);
    expect(issuer.asked).toHaveLength(256);
  });

  test("says in the log what is wrong, without token, secret and claims", async () => {
    const { authenticate, issuer } = await setUp();
    issuer.disorder = (response) =>
      response.writeHead(200).end('{"active": true, "sub": "canary-sub", canary');
    const refusal: Error = await authenticate("canary-token").then(
      Promise.reject,
      (error) => error,
    );
    const seen: unknown[] = [];
    for (let cause: unknown = refusal; cause instanceof Error; cause = cause.cause)
      seen.push(cause.message, cause.stack, { ...cause });
    expect(JSON.stringify(seen)).toContain("/introspect did not answer with a JSON object");
    expect(JSON.stringify(seen)).not.toMatch(/canary|s3cret/);
  });
});
