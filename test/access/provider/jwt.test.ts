import { createHmac } from "node:crypto";
import fc from "fast-check";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Caller } from "../../../src/access/caller.ts";
import {
  audience,
  base64url,
  createSigningKey,
  type Issuer,
  type SigningKey,
  signedToken,
  startIssuer,
} from "../../support/identity/issuer.ts";
import { waitForProviders } from "../../support/identity/patience.ts";
import { authenticatorOf, second, setUp, start } from "./jwt-caller.ts";

waitForProviders();

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
      { name: "a type that is a number", header: { typ: 1 } },
      { name: "a type that is a list", header: { typ: ["at+jwt"] } },
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
