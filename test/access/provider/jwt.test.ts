import { createHmac } from "node:crypto";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Caller } from "../../../src/access/caller.ts";
import { createExternalCaller } from "../../../src/access/provider/external-caller.ts";
import { createJwtAuthenticator } from "../../../src/access/provider/jwt.ts";
import type { ServiceError } from "../../../src/domain/errors.ts";
import { openSqlite } from "../../../src/store/sqlite/database.ts";
import { createSqliteDirectory } from "../../../src/store/sqlite/directory.ts";
import {
  audience,
  base64url,
  createSigningKey,
  disorders,
  type Issuer,
  type SigningKey,
  signedToken,
  startIssuer,
} from "../../support/issuer.ts";
import { askingAtOnce } from "../at-once.ts";

const second = 1_000_000;
const start = Date.parse("2026-01-31T12:00:00Z") * 1_000;

/** An issuer and an authenticator for its tokens, both with a clock of their own. */
async function setUp() {
  const time = { micros: start, steady: 1 };
  const issuer = await startIssuer(() => Math.floor(time.micros / second));
  onTestFinished(() => issuer.close());
  return { ...authenticatorOf(issuer, time), issuer, time };
}

function authenticatorOf({ url }: Issuer, time: { micros: number; steady: number }) {
  const directory = createSqliteDirectory(openSqlite(":memory:"));
  const clock = { now: () => time.steady };
  const authenticate = askingAtOnce(
    createJwtAuthenticator({
      issuer: url,
      audience,
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
    pass: (ms: number) => {
      time.steady += ms;
      time.micros += ms * 1_000;
    },
    /** The caller's subject, the key of the refusal, or "not mine". */
    outcome: (token: string) =>
      authenticate(token).then(
        (caller) => caller?.subject ?? "not mine",
        (error: ServiceError) => error.key,
      ),
    authenticate,
  };
}

const retrievals = ({ asked }: Issuer) => asked.filter((path) => path === "/keys").length;

// Long because of its tables of tokens that must be refused, one row for each attack.

describe("createJwtAuthenticator", () => {
  let issuer: Issuer;
  let outcome: (token: string) => Promise<string>;
  let authenticate: (token: string) => Promise<Caller | undefined>;
  let keys: { es256: SigningKey; rs256: SigningKey; eddsa: SigningKey };
  const iat = start / second;

  beforeAll(async () => {
    issuer = await startIssuer(() => iat);
    keys = {
      es256: createSigningKey("ES256"),
      rs256: createSigningKey("RS256"),
      eddsa: createSigningKey("EdDSA"),
    };
    issuer.keys = Object.values(keys);
    ({ outcome, authenticate } = authenticatorOf(issuer, { micros: start, steady: 1 }));
  });
  afterAll(() => issuer.close());

  test.for(["es256", "rs256", "eddsa"] as const)("accepts a token by %s", async (name) => {
    expect(await outcome(issuer.token({}, {}, keys[name]))).toBe("sam");
  });

  test.for<{ name: string; header: Record<string, unknown> }>([
    { name: "JWT", header: { typ: "JWT" } },
    { name: "at+jwt in upper case", header: { typ: "AT+JWT" } },
    { name: "application/at+jwt", header: { typ: "application/at+jwt" } },
    { name: "no type", header: { typ: undefined } },
  ])("accepts a token of type $name", async ({ header }) => {
    expect(await outcome(issuer.token({}, header))).toBe("sam");
  });

  test("accepts one audience of several", async () => {
    expect(await outcome(issuer.token({ aud: ["other", audience] }))).toBe("sam");
  });

  test.for([
    { name: "our own", token: `gir_${"a".repeat(49)}` },
    { name: "opaque", token: "2YotnFZFEjr1zCsicMWpAA" },
    { name: "of one dot", token: "eyJhbGciOiJub25lIn0.e30" },
    { name: "of three dots", token: "eyJhbGciOiJub25lIn0.e30.x.y" },
    { name: "encrypted", token: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0.x.x.x.x" },
    { name: "dotted without a JOSE header", token: "one.two.three" },
    { name: "dotted, with a header that names no algorithm", token: "e30.e30.x" },
    { name: "dotted, with a header that is a list", token: `${base64url("[1]")}.e30.x` },
    { name: "padded", token: "eyJhbGciOiJub25lIn0=.e30.x" },
    { name: "empty", token: "" },
  ])("leaves a token that is $name to others", async ({ token }) => {
    expect(await outcome(token)).toBe("not mine");
  });

  describe("I1: algorithms", () => {
    const payload = () => issuer.token().split(".")[1];
    const publicPem = () => keys.rs256.publicKey.export({ type: "spki", format: "pem" });
    const hmac = (header: Record<string, unknown>, secret: string | Buffer) => {
      const input = `${base64url(JSON.stringify(header))}.${payload()}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    };

    test.for(["none", "None", "NONE", "nOnE", ""])("refuses alg %j, signed or not", async (alg) => {
      for (const { kid } of [undefined, ...issuer.keys].map((key) => ({ kid: key?.kid }))) {
        const header = base64url(JSON.stringify({ alg, kid, typ: "at+jwt" }));
        expect(await outcome(`${header}.${payload()}.`)).toBe("tokenInvalid");
        expect(await outcome(`${header}.${payload()}.${base64url("x")}`)).toBe("tokenInvalid");
        expect(await outcome(issuer.token({}, { alg, kid }))).toBe("tokenInvalid");
      }
    });

    test.for(["HS256", "HS384", "HS512"])("refuses %s by the public key", async (alg) => {
      for (const { kid, publicKey } of issuer.keys) {
        const secrets = [
          publicKey.export({ type: "spki", format: "pem" }),
          publicKey.export({ type: "spki", format: "der" }),
          JSON.stringify(publicKey.export({ format: "jwk" })),
          "",
        ];
        for (const secret of secrets)
          expect(await outcome(hmac({ alg, kid }, secret))).toBe("tokenInvalid");
      }
      expect(await outcome(hmac({ alg }, publicPem()))).toBe("tokenInvalid");
    });

    test.for([
      ...["RS384", "RS512", "PS256", "ES384", "ES512", "ES256K", "Ed448", "RSA1_5"],
      ...["rs256", "RS256 ", "constructor", "__proto__", "dir"],
    ])("refuses alg %j, though the signature is good", async (alg) => {
      for (const key of issuer.keys)
        expect(await outcome(issuer.token({}, { alg }, key))).toBe("tokenInvalid");
    });

    test.for(["RS384", "RS512", "PS256", "PS384", "PS512"])(
      "refuses a good signature by %s, even if the issuer does not say what its key is for",
      async (alg) => {
        const { outcome: ask, issuer: vague } = await setUp();
        vague.keys = [keys.rs256];
        vague.keyFields = { alg: undefined, use: undefined };
        const { privateKey, kid } = keys.rs256;
        const claims = { aud: audience, iss: vague.url, sub: "sam", iat, exp: iat + 60 };
        const sign = (by: string) =>
          new SignJWT(claims).setProtectedHeader({ alg: by, kid }).sign(privateKey);
        expect(await ask(await sign(alg))).toBe("tokenInvalid");
        expect(await ask(await sign("RS256"))).toBe("sam");
      },
    );

    test("refuses a key with the algorithm of another key", async () => {
      for (const key of issuer.keys)
        for (const { alg, kid } of issuer.keys.filter((other) => other !== key))
          expect(await outcome(issuer.token({}, { alg, kid }, key))).toBe("tokenInvalid");
    });

    test("refuses a stranger's signature with the id of a known key", async () => {
      for (const { alg, kid } of issuer.keys)
        expect(await outcome(issuer.token({}, {}, createSigningKey(alg, kid)))).toBe(
          "tokenInvalid",
        );
    });
  });

  describe("I2: claims", () => {
    test.for<{ name: string; claims: Record<string, unknown> }>([
      ...["exp", "aud", "iss", "sub", "iat"].map((name) => ({
        name: `no ${name}`,
        claims: { [name]: undefined },
      })),
      ...["exp", "aud", "iss", "sub", "iat"].map((name) => ({
        name: `null for ${name}`,
        claims: { [name]: null },
      })),
      { name: "another audience", claims: { aud: "giraffe2" } },
      { name: "no audience", claims: { aud: [] } },
      { name: "an audience within one", claims: { aud: [["giraffe"]] } },
      { name: "another issuer", claims: { iss: "https://id.example" } },
      { name: "several issuers", claims: { iss: ["https://id.example"] } },
      { name: "an empty subject", claims: { sub: "" } },
      { name: "a number for a subject", claims: { sub: 1 } },
      { name: "a subject of 256 characters", claims: { sub: "x".repeat(256) } },
      { name: "a subject with a control character", claims: { sub: "sam\0" } },
      { name: "a subject that is no text", claims: { sub: "\ud800" } },
      { name: "text for exp", claims: { exp: String(iat + 60) } },
      { name: "text for iat", claims: { iat: String(iat) } },
      { name: "an age of more than 30 days", claims: { iat: iat - 31 * 86_400 } },
      { name: "a key that it is bound to", claims: { cnf: { jkt: "x" } } },
    ])("refuses $name", async ({ claims }) => {
      expect(await outcome(issuer.token(claims))).toBe("tokenInvalid");
    });

    test.for(["nbf", "cnf", "locale", "jti", "urn:zitadel:iam:user:resourceowner:id"])(
      "B4: takes null for %s as absent",
      async (name) => {
        const token = issuer.token({ [name]: null });
        expect(await authenticate(token)).toEqual(await authenticate(issuer.token()));
      },
    );

    test.for<{ name: string; claims: Record<string, unknown> }>([
      { name: "has ended", claims: { exp: iat - 6 } },
      { name: "ends never", claims: { exp: null } },
      { name: "is too old", claims: { iat: iat - 31 * 86_400 } },
      { name: "is for another", claims: { aud: "other" } },
      { name: "is another issuer's", claims: { iss: "https://id.example" } },
      { name: "names nobody", claims: { sub: null } },
      { name: "is bound to a key", claims: { cnf: { jkt: "x" } } },
    ])("B4: checks the other claims of a token whose nbf is null: $name", async ({ claims }) => {
      expect(await outcome(issuer.token({ ...claims, nbf: null }))).toBe("tokenInvalid");
    });

    test("B4: refuses a stranger's token whose nbf is null", async () => {
      const { alg, kid } = keys.es256;
      const token = issuer.token({ nbf: null }, {}, createSigningKey(alg, kid));
      expect(await outcome(token)).toBe("tokenInvalid");
    });

    test.for(["use", "key_ops", "alg", "ext", "x5c", "x5t", "x5t#S256", "x5u"])(
      "B4: takes null for %s of a published key as absent",
      async (name) => {
        const own = await startIssuer(() => iat);
        onTestFinished(() => own.close());
        own.keyFields = { [name]: null };
        const single = authenticatorOf(own, { micros: start, steady: 1 });
        expect(await single.outcome(own.token())).toBe("sam");
      },
    );

    test("refuses an issuer that only looks the same", async () => {
      for (const iss of [`${issuer.url}/`, issuer.url.toUpperCase(), ` ${issuer.url}`])
        expect(await outcome(issuer.token({ iss }))).toBe("tokenInvalid");
    });

    test.for(["logout+jwt", "dpop+jwt", "secevent+jwt", "JWS", "", "at+jwt ", "text/at+jwt"])(
      "refuses type %j",
      async (typ) => {
        expect(await outcome(issuer.token({}, { typ }))).toBe("tokenInvalid");
      },
    );

    test("refuses claims that are no object", async () => {
      const key = keys.es256;
      const header = { alg: key.alg, kid: key.kid };
      for (const claims of ["[]", "null", "1", '"x"', "", "{", "\u0000"])
        expect(await outcome(signedToken(key, header, claims))).toBe("tokenInvalid");
    });
  });

  describe("I3: the clock", () => {
    test.for([
      { name: "ended 4 seconds ago", claims: { exp: iat - 4 }, want: "sam" },
      { name: "ended 6 seconds ago", claims: { exp: iat - 6 }, want: "tokenInvalid" },
      { name: "begins in 4 seconds", claims: { nbf: iat + 4 }, want: "sam" },
      { name: "begins in 6 seconds", claims: { nbf: iat + 6 }, want: "tokenInvalid" },
      { name: "is made in 4 seconds", claims: { iat: iat + 4 }, want: "sam" },
      { name: "is made in 6 seconds", claims: { iat: iat + 6 }, want: "tokenInvalid" },
    ])("answers a token that $name with $want", async ({ claims, want }) => {
      expect(await outcome(issuer.token(claims))).toBe(want);
    });
  });

  describe("I4: headers", () => {
    test.for<{ name: string; header: Record<string, unknown> }>([
      { name: "no kid, when there are several keys", header: { kid: undefined } },
      { name: "a kid that is a path", header: { kid: "../../etc/passwd" } },
      { name: "a kid that is a number", header: { kid: 1 } },
      { name: "a kid that is null", header: { kid: null } },
      { name: "a kid that is a list", header: { kid: [] } },
      { name: "a kid that every object has", header: { kid: "constructor" } },
      { name: "an unknown critical field", header: { crit: ["exp"], exp: iat } },
      { name: "a critical field that is not there", header: { crit: ["b64"] } },
      { name: "no critical field", header: { crit: [] } },
      { name: "a payload that is not encoded", header: { crit: ["b64"], b64: false } },
    ])("refuses $name", async ({ header }) => {
      expect(await outcome(issuer.token({}, header))).toBe("tokenInvalid");
    });

    test.for(["jku", "x5u"])("never follows %s", async (name) => {
      const stranger = await startIssuer(() => iat);
      onTestFinished(() => stranger.close());
      const header = { iss: issuer.url, [name]: `${stranger.url}/keys` };
      const key = stranger.keys[0] as SigningKey;
      expect(await outcome(issuer.token({}, header, key))).toBe("tokenInvalid");
      expect(await outcome(issuer.token({}, { ...header, kid: keys.es256.kid }, key))).toBe(
        "tokenInvalid",
      );
      expect(await outcome(issuer.token({}, header))).toBe("sam");
      expect(stranger.asked).toEqual([]);
    });

    test("never takes a key that the token brings", async () => {
      const key = createSigningKey("ES256");
      const jwk = { ...key.publicKey.export({ format: "jwk" }), kid: key.kid };
      const x5c = [base64url(key.publicKey.export({ type: "spki", format: "der" }))];
      expect(await outcome(issuer.token({}, { jwk, x5c }, key))).toBe("tokenInvalid");
      const { kid } = keys.es256;
      expect(await outcome(issuer.token({}, { jwk, x5c, kid }, key))).toBe("tokenInvalid");
    });

    test("takes a token without kid when there is one key", async () => {
      const { issuer: single, outcome: ask } = await setUp();
      expect(await ask(single.token({}, { kid: undefined }))).toBe("sam");
    });
  });

  describe("I5: odd claims", () => {
    const withClaims = (claims: string) => {
      const key = keys.es256;
      const usual = `"iss":${JSON.stringify(issuer.url)},"aud":"${audience}","sub":"sam"`;
      return signedToken(key, { alg: key.alg, kid: key.kid }, `{${usual},${claims}}`);
    };

    test.for([
      { name: "an end that is infinite", claims: `"iat":${iat},"exp":1e400` },
      { name: "an end beyond exact numbers", claims: `"iat":${iat},"exp":9007199254740993` },
      { name: "an end between seconds", claims: `"iat":${iat},"exp":${iat + 60}.5` },
      { name: "an infinite beginning", claims: `"iat":${iat},"nbf":1e400,"exp":${iat + 60}` },
      { name: "an infinite time of issue", claims: `"iat":-1e400,"exp":${iat + 60}` },
      { name: "two ends, the last in the past", claims: `"iat":1,"exp":${iat + 60},"exp":1` },
    ])("refuses $name", async ({ claims }) => {
      expect(await outcome(withClaims(claims))).toBe("tokenInvalid");
    });

    test("takes the last of two claims of one name", async () => {
      expect(await outcome(withClaims(`"iat":1,"iat":${iat},"exp":1,"exp":${iat + 60}`))).toBe(
        "sam",
      );
    });

    test("ignores __proto__", async () => {
      const claims = `"iat":${iat},"__proto__":{"exp":${iat + 60}}`;
      expect(await outcome(withClaims(claims))).toBe("tokenInvalid");
    });
  });

  describe("I6: mutations", () => {
    test("refuses a token that differs in one bit from an accepted one", async () => {
      const tokens = issuer.keys.map((key) => issuer.token({}, {}, key));
      for (const token of tokens) expect(await outcome(token)).toBe("sam");
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...tokens),
          fc.nat(),
          fc.constantFrom(...alphabet),
          async (token, place, character) => {
            const at = place % token.length;
            const mutant = token.slice(0, at) + character + token.slice(at + 1);
            fc.pre(mutant !== token);
            expect(["tokenInvalid", "not mine"]).toContain(await outcome(mutant));
          },
        ),
        { numRuns: 1_000 },
      );
    });

    test("refuses every other last character", async () => {
      for (const key of issuer.keys) {
        const token = issuer.token({}, {}, key);
        const others = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
          .map((last) => token.slice(0, -1) + last)
          .filter((other) => other !== token);
        expect(others.length).toBe(63);
        for (const other of others) expect(await outcome(other)).toBe("tokenInvalid");
      }
    });

    test("refuses a token that is cut, extended or padded", async () => {
      const token = issuer.token();
      const mutants = [token.slice(0, -1), `${token}A`, `${token}=`, `${token}==`, `${token} `];
      for (const mutant of mutants)
        expect(["tokenInvalid", "not mine"]).toContain(await outcome(mutant));
    });
  });

  test("logs neither token nor claims of a refused token", async () => {
    const tokens = [
      issuer.token({ sub: "canary-sub", aud: "canary-aud", email: "canary@giraffe.example" }),
      issuer.token({}, { alg: "canary-alg" }),
      issuer.token({}, { crit: ["canary-crit"], "canary-crit": 1 }),
      issuer.token({}, { typ: "canary-typ" }),
      issuer.token({}, { kid: "canary-kid" }),
    ];
    const seen: unknown[] = [];
    for (const token of tokens) {
      const error: Error = await authenticate(token).then(Promise.reject, (refusal) => refusal);
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
        seen.push(cause.message, cause.stack, { ...cause });
    }
    expect(JSON.stringify(seen)).toContain("ERR_JWT_CLAIM_VALIDATION_FAILED, aud");
    expect(JSON.stringify(seen)).not.toContain("canary");
    const parts = tokens.flatMap((token) => token.split("."));
    expect(parts.filter((part) => JSON.stringify(seen).includes(part))).toEqual([]);
  });
});

describe("a caller by JWT", () => {
  test("is who the claims say, in their organization and language", async () => {
    const { authenticate, issuer } = await setUp();
    const claims = { "urn:zitadel:iam:user:resourceowner:id": "42", locale: "de_ch" };
    expect(await authenticate(issuer.token(claims))).toEqual({
      subject: "sam",
      organization: "42",
      language: "de-CH",
    });
  });

  test("keeps working until the token expires, and verifies the signature once", async () => {
    const { outcome, issuer, time } = await setUp();
    const token = issuer.token({ exp: start / second + 60 });
    expect(await outcome(token)).toBe("sam");
    // The monotonic clock is stopped, so the answer is reused until the token expires.
    time.micros = start + 65 * second - 1;
    expect(await outcome(token)).toBe("sam");
    time.micros = start + 65 * second;
    expect(await outcome(token)).toBe("tokenInvalid");
  });
});

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
    expect(await outcome(issuer.token())).toBe("identityProviderUnavailable");
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

  test("happens once in 30 seconds, however many unknown keys are named", async () => {
    const { outcome, issuer, pass } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    const storm = async () => {
      const tokens = Array.from({ length: 100 }, (_, number) =>
        issuer.token({}, { kid: `unknown-${number}` }),
      );
      expect(new Set(await Promise.all(tokens.map(outcome)))).toEqual(new Set(["tokenInvalid"]));
    };
    await storm();
    pass(29_999);
    await storm();
    expect(retrievals(issuer)).toBe(1);
    pass(1);
    await storm();
    expect(retrievals(issuer)).toBe(2);
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
  test("finds a new key at once, and 30 seconds after a search without success", async () => {
    const { outcome, issuer, pass } = await setUp();
    expect(await outcome(issuer.token())).toBe("sam");
    pass(30_000);
    const next = createSigningKey("RS256");
    issuer.keys = [...issuer.keys, next];
    expect(await outcome(issuer.token({}, {}, next))).toBe("sam");
    const third = createSigningKey("EdDSA");
    issuer.keys = [...issuer.keys, third];
    expect(await outcome(issuer.token({}, {}, third))).toBe("tokenInvalid");
    pass(30_000);
    expect(await outcome(issuer.token({}, {}, third))).toBe("sam");
  });

  test("drops a key that was withdrawn, within 5 minutes of use", async () => {
    const { outcome, issuer, pass } = await setUp();
    const [withdrawn] = issuer.keys;
    const tokens = Array.from({ length: 9 }, (_, number) =>
      issuer.token({ jti: number }, {}, withdrawn),
    );
    expect(await outcome(tokens[0] as string)).toBe("sam");
    issuer.keys = [createSigningKey("ES256")];
    pass(300_001);
    // This call still uses the known keys, and starts a retrieval.
    expect(await outcome(tokens[1] as string)).toBe("sam");
    await expect.poll(() => retrievals(issuer)).toBe(2);
    await expect.poll(() => outcome(tokens[2] as string)).toBe("tokenInvalid");
    pass(2_001);
    expect(await outcome(tokens[0] as string)).toBe("tokenInvalid");
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
