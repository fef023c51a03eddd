import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  createSigningKey,
  disorders,
  type Issuer,
  type SigningKey,
  startIssuer,
} from "../../support/identity/issuer.ts";
import { waitForProviders } from "../../support/identity/patience.ts";
import { setUp } from "./jwt-caller.ts";

const patience = waitForProviders();

const retrievals = ({ asked }: Issuer) => asked.filter((path) => path === "/keys").length;

describe("I7: the retrieval of keys", () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, " "));

  test.for(
    Object.entries({
      ...disorders,
      "with a bomb": (response: Parameters<(typeof disorders)[string] & {}>[0]) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    }),
  )("lets nobody in when the issuer answers %s", async ([, disorder]) => {
    const { outcome, issuer } = await setUp();
    issuer.disorder = disorder;
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
  });

  test.for<{ name: string; discovery: Record<string, unknown> }>([
    { name: "another issuer", discovery: { issuer: "https://id.example" } },
    { name: "no issuer", discovery: { issuer: undefined } },
    { name: "no keys", discovery: { jwks_uri: undefined } },
    { name: "a number for keys", discovery: { jwks_uri: 1 } },
    { name: "keys that are no address", discovery: { jwks_uri: "keys" } },
    { name: "keys without TLS elsewhere", discovery: { jwks_uri: "http://169.254.169.254/keys" } },
    { name: "keys in a file", discovery: { jwks_uri: "file:///etc/passwd" } },
    { name: "keys in the address", discovery: { jwks_uri: 'data:,{"keys":[]}' } },
  ])("stops at a discovery document with $name", async ({ discovery }) => {
    const { outcome, issuer } = await setUp();
    issuer.discovery = discovery;
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
    expect(issuer.asked).toEqual(["/.well-known/openid-configuration"]);
  });

  test("follows no redirect", async () => {
    const { outcome, issuer } = await setUp();
    const stranger = await startIssuer();
    onTestFinished(() => stranger.close());
    stranger.keys = issuer.keys;
    stranger.discovery = { issuer: issuer.url };
    issuer.disorder = (response, { url }) =>
      response.writeHead(307, { location: stranger.url + url }).end();
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
    expect(stranger.asked).toEqual([]);
  });

  test("stops reading an answer that does not end", async () => {
    const { outcome, issuer } = await setUp();
    let closed: Promise<unknown> | undefined;
    issuer.disorder = (response) => {
      closed = once(response, "close");
      const chunk = Buffer.alloc(65_536, " ");
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.writeHead(200).on("drain", more);
      more();
    };
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
    await closed;
  });

  test("waits no longer than 5 seconds", async () => {
    const { outcome, issuer } = await setUp();
    issuer.disorder = () => {};
    const late = await patience.limited(() => outcome(issuer.token()));
    expect(late).toBe("identityProviderUnavailable");
  });

  test("does not use a secret as a public key", async () => {
    const { outcome, issuer } = await setUp();
    const key = issuer.keys[0] as SigningKey;
    const jwk = { ...key.privateKey.export({ format: "jwk" }), kid: key.kid };
    issuer.disorder = (response, { url }) => {
      const discovery = { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` };
      const answer = url === "/keys" ? { keys: [jwk] } : discovery;
      response.writeHead(200).end(JSON.stringify(answer));
    };
    expect(await outcome(issuer.token())).toBe("tokenInvalid");
  });

  test("happens once for all who wait for it", async () => {
    const { outcome, issuer } = await setUp();
    const tokens = Array.from({ length: 100 }, (_, number) => issuer.token({ sub: `s${number}` }));
    expect(await Promise.all(tokens.map(outcome))).toEqual(tokens.map((_, number) => `s${number}`));
    expect(retrievals(issuer)).toBe(1);
  });

  test("happens a few times and then every 5 seconds, however many unknown keys are named", async () => {
    const { outcome, issuer, pass } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    const storm = async () => {
      const tokens = Array.from({ length: 100 }, (_, number) =>
        issuer.token({}, { kid: `unknown-${number}` }),
      );
      expect(new Set(await Promise.all(tokens.map(outcome)))).toEqual(new Set(["tokenInvalid"]));
    };
    for (const _ of Array.from({ length: 5 })) await storm();
    expect(retrievals(issuer)).toBe(4);
    pass(4_999);
    await storm();
    expect(retrievals(issuer)).toBe(4);
    for (let times = 1; times <= 10; times += 1) {
      pass(times === 1 ? 1 : 5_000);
      await storm();
      await storm();
      expect(retrievals(issuer)).toBe(4 + times);
    }
  });

  test("says in the log what is wrong with the issuer", async () => {
    const { authenticate, issuer } = await setUp();
    issuer.discovery = { issuer: "https://id.example" };
    await expect(authenticate(issuer.token())).rejects.toMatchObject({
      key: "identityProviderUnavailable",
      cause: { message: expect.stringContaining(`"https://id.example", not ${issuer.url}`) },
    });
  });
});

describe("I8: keys that come and go", () => {
  test("finds a key at once that is published just after a token with an unknown key", async () => {
    const { outcome, issuer } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    expect(await outcome(issuer.token({}, { kid: "invented" }))).toBe("tokenInvalid");
    const next = createSigningKey("RS256");
    issuer.keys = [...issuer.keys, next];
    expect(await outcome(issuer.token({}, {}, next))).toBe("sam");
    const third = createSigningKey("EdDSA");
    issuer.keys = [...issuer.keys, third];
    expect(await outcome(issuer.token({}, {}, third))).toBe("sam");
  });

  test("finds a key that is published while another retrieval is answered", async () => {
    const { outcome, issuer } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    const text = async (path: string) => (await fetch(`${issuer.url}${path}`)).text();
    const old = await text("/keys");
    const discovery = await text("/.well-known/openid-configuration");
    const asked = Promise.withResolvers<void>();
    const published = Promise.withResolvers<void>();
    issuer.disorder = async (response, request) => {
      const isForKeys = request.url === "/keys";
      if (isForKeys) {
        asked.resolve();
        await published.promise;
        issuer.disorder = undefined;
      }
      response.writeHead(200).end(isForKeys ? old : discovery);
    };
    const unknown = outcome(issuer.token({}, { kid: "invented" }));
    await asked.promise;
    const next = createSigningKey("RS256");
    issuer.keys = [...issuer.keys, next];
    const known = outcome(issuer.token({}, {}, next));
    published.resolve();
    expect(await known).toBe("sam");
    expect(await unknown).toBe("tokenInvalid");
  });

  test("finds a new key within 5 seconds, whatever unknown keys are named all the time", async () => {
    const { outcome, issuer, pass } = await setUp();
    const invented = (number: number) => issuer.token({}, { kid: `invented-${number}` });
    const next = createSigningKey("RS256");
    for (let tenths = 0; tenths < 400; tenths += 1) {
      expect(await outcome(invented(tenths))).toBe("tokenInvalid");
      if (tenths === 350) issuer.keys = [...issuer.keys, next];
      pass(100);
    }
    expect(await outcome(issuer.token({}, {}, next))).toBe("sam");
    expect(retrievals(issuer)).toBeLessThanOrEqual(4 + 40 / 5);
  });

  test("drops a key that was withdrawn, within 5 minutes of use", async () => {
    const { outcome, issuer, pass } = await setUp();
    const [withdrawn] = issuer.keys;
    let made = 0;
    const newToken = () => {
      made += 1;
      return issuer.token({ jti: made }, {}, withdrawn);
    };
    const first = newToken();
    expect(await outcome(first)).toBe("sam");
    issuer.keys = [createSigningKey("ES256")];
    pass(300_001);
    // This call still uses the known keys, and starts a retrieval.
    expect(await outcome(newToken())).toBe("sam");
    await expect.poll(() => retrievals(issuer)).toBe(2);
    // A new token each time, because what is known of one is used again until the clock goes on.
    await expect.poll(() => outcome(newToken())).toBe("tokenInvalid");
    pass(2_001);
    expect(await outcome(first)).toBe("tokenInvalid");
  });

  test("drops a key that was withdrawn during a long pause, with the first call", async () => {
    const { outcome, issuer, pass } = await setUp();
    const [withdrawn] = issuer.keys;
    expect(await outcome(issuer.token())).toBe("sam");
    issuer.keys = [createSigningKey("ES256")];
    pass(601_000);
    expect(await outcome(issuer.token({}, {}, withdrawn))).toBe("tokenInvalid");
  });

  test("keeps known keys working through an outage of a day, and no longer", async () => {
    const { outcome, issuer, pass } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    issuer.disorder = (response) => response.destroy();
    for (let hour = 0; hour < 23; hour += 1) {
      pass(3_600_000);
      expect(await outcome(issuer.token())).toBe("sam");
      const unknown = issuer.token({}, { kid: "unknown" });
      expect(await outcome(unknown)).toBe("identityProviderUnavailable");
    }
    pass(3_600_000);
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
    issuer.disorder = undefined;
    pass(30_000);
    expect(await outcome(issuer.token())).toBe("sam");
  });

  test("refuses no valid token in an outage of 20 minutes, and asks less and less often", async () => {
    const { outcome, issuer, pass } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    pass(30_000);
    issuer.asked.length = 0;
    issuer.disorder = (response) => response.writeHead(500).end();
    for (let seconds = 0; seconds < 1_200; seconds += 1) {
      pass(1_000);
      expect(await outcome(issuer.token({}, { kid: "unknown" }))).toBe(
        "identityProviderUnavailable",
      );
      expect(await outcome(issuer.token({ jti: seconds }))).toBe("sam");
    }
    // After 1, 2, 4, 8 and 16 seconds, and then every 30.
    expect(issuer.asked.length).toBeLessThanOrEqual(6 + 1_200 / 30);
    expect(issuer.asked.length).toBeGreaterThan(30);
  });

  test("is unavailable, not refused, until the first keys are there", async () => {
    const { outcome, issuer, pass } = await setUp();
    issuer.disorder = (response) => response.destroy();
    for (const _ of Array.from({ length: 20 }))
      expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
    expect(issuer.asked).toHaveLength(1);
    issuer.disorder = undefined;
    pass(1_000);
    expect(await outcome(issuer.token())).toBe("sam");
  });

  test("refuses tokens that are invalid for other reasons than the key, also in an outage", async () => {
    const { outcome, issuer } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    issuer.disorder = (response) => response.destroy();
    expect(await outcome(issuer.token({ aud: "other" }))).toBe("tokenInvalid");
    expect(await outcome(issuer.token({}, { alg: "HS256" }))).toBe("tokenInvalid");
  });
});
