import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from "vitest";
import { type Caller, callers, closeCallers } from "../../support/api/callers.ts";
import { text } from "../../support/api/json.ts";
import { refusals, refused } from "../../support/api/refusals.ts";
import { gigi, type Method, methods } from "../../support/api/setting.ts";
import { freePort } from "../../support/free-port.ts";
import {
  audience,
  createSigningKey,
  type Issuer,
  startIssuer,
} from "../../support/identity/issuer.ts";
import { waitForProviders } from "../../support/identity/patience.ts";
import { startServer, type TestServer } from "../../support/server.ts";

waitForProviders();
const byDefault = callers[0] as Caller;

let issuer: Issuer;
let server: TestServer;
let other: string;
/** A human of the first organization, who reads German. */
let userId: string;

/** @param kinds What the server accepts beside its own tokens. */
async function startWith(provider: Issuer, ...kinds: ("JWTs" | "opaque tokens")[]) {
  const secretFile = join(folder, "client.secret");
  const flags = {
    JWTs: ["--oidc-issuer", provider.url, "--oidc-audience", audience],
    "opaque tokens": [
      ...["--introspection-url", provider.introspectionUrl],
      ...["--introspection-client-id", "giraffe"],
      ...["--introspection-client-secret-file", secretFile],
    ],
  };
  return startServer(kinds.flatMap((kind) => flags[kind]));
}

let folder: string;

beforeAll(async () => {
  const first = await startServer([]);
  await first.stop();
  ({ folder } = first);
  writeFileSync(join(folder, "client.secret"), "s3cret\n");
  issuer = await startIssuer();
  server = await startWith(issuer, "JWTs", "opaque tokens");
  other = text((await server.administer("org", "create", "Zoo")).id);
  const request = {
    userName: "gigi",
    profile: { ...gigi, preferredLanguage: "de" },
    email: { email: "gigi@giraffe.example" },
  };
  userId = text(
    (await call(byDefault, server.adminToken, methods.importHumanUser, request)).userId,
  );
  const add = (subject: string, role: string, ...org: string[]) =>
    server.administer("member", "add", "--subject", subject, "--role", role, ...org);
  await add("sam", "ORG_USER_MANAGER", "--org", server.organization);
  await add("viewer", "ORG_OWNER_VIEWER", "--org", server.organization);
  await add("root", "IAM_OWNER");
  await add("stranger", "ORG_OWNER", "--org", other);
  await add(userId, "ORG_OWNER", "--org", server.organization);
});
afterAll(async () => {
  closeCallers();
  await server.close();
  await issuer.close();
});
beforeEach(() => {
  issuer.disorder = undefined;
  issuer.delayMs = 0;
  issuer.introspections.length = 0;
});

/** The reply without its headers, which differ each time. */
async function ask(
  caller: Caller,
  token: string,
  method: Method = methods.getHumanProfile,
  request: JsonObject = { userId },
  headers: Record<string, string> = {},
  { url }: TestServer = server,
) {
  const { headers: _, ...reply } = await caller.call(url, method, request, { token, headers });
  return reply;
}

/** Makes a call, and throws unless it succeeds. */
async function call(...call: Parameters<typeof ask>) {
  const { body, message } = await ask(...call);
  if (body === undefined) throw new Error(message);
  return body;
}

let numbers = 0;
/** A token that nobody has asked about. */
const opaque = (claims: Record<string, unknown>): string => {
  numbers += 1;
  const token = `opaque-${numbers}`;
  issuer.opaque.set(token, { active: true, ...claims });
  return token;
};

/** The reply to a caller who may read, but not this user. */
const userNotFound = { code: 5, message: expect.stringContaining("(QUERY-") };

const kinds = [
  { kind: "a JWT", tokenOf: (claims: Record<string, unknown>) => issuer.token(claims) },
  { kind: "an opaque token", tokenOf: opaque },
] as const;

describe.for(callers)("over $name,", (caller) => {
  describe.for(kinds)("$kind", ({ kind, tokenOf }) => {
    test("gives what the roles of its subject give", async () => {
      const update = {
        userId,
        ...gigi,
        preferredLanguage: "de",
        displayName: `by ${kind}, ${caller.name}`,
      };
      const reads = (sub: string) => ask(caller, tokenOf({ sub }));
      const writes = (sub: string) =>
        ask(caller, tokenOf({ sub }), methods.updateHumanProfile, update);
      expect(await reads("sam")).toMatchObject({ code: 0 });
      expect(await reads("viewer")).toMatchObject({ code: 0 });
      expect(await reads("root")).toMatchObject({ code: 0 });
      expect(await writes("viewer")).toEqual(refused(caller, refusals.permissionMissing));
      expect(await writes("nobody")).toEqual(refused(caller, refusals.membershipNotFound));
      expect(await writes("sam")).toMatchObject({ code: 0 });
    });

    test("acts on the organization that is named, or on its home", async () => {
      const unknown = { "x-zitadel-orgid": "1" };
      const elsewhere = { "x-zitadel-orgid": other };
      const read = (claims: Record<string, unknown>, headers?: Record<string, string>) =>
        ask(caller, tokenOf(claims), methods.getHumanProfile, { userId }, headers);
      expect(await read({ sub: "sam" }, unknown)).toEqual(
        refused(caller, refusals.organizationNotFound),
      );
      expect(await read({ sub: "sam" }, elsewhere)).toEqual(
        refused(caller, refusals.membershipNotFound),
      );
      const claim = "urn:zitadel:iam:user:resourceowner:id";
      expect(await read({ sub: "sam", [claim]: other })).toEqual(
        refused(caller, refusals.membershipNotFound),
      );
      expect(await read({ sub: "root", [claim]: server.organization })).toMatchObject({ code: 0 });
      // A caller whose home is another organization does not find the user.
      expect(await read({ sub: "stranger" })).toMatchObject(userNotFound);
    });
  });

  test("refuses a JWT that is not good, and asks nobody else about it", async () => {
    const tokens = [
      issuer.token({ sub: "sam", aud: "other" }),
      issuer.token({ sub: "sam", exp: 1 }),
      issuer.token({ sub: "sam" }, {}, createSigningKey("ES256", issuer.keys[0]?.kid)),
      issuer.token({ sub: "sam" }, { alg: "none" }),
    ];
    for (const token of tokens)
      expect(await ask(caller, token)).toEqual(refused(caller, refusals.tokenInvalid));
    expect(issuer.introspections).toEqual([]);
  });

  test("refuses an opaque token that is not active", async () => {
    const token = `unknown-${caller.name.replaceAll(" ", "")}`;
    expect(await ask(caller, token)).toEqual(refused(caller, refusals.tokenInvalid));
    expect(issuer.introspections.map(({ form }) => form.get("token"))).toEqual([token]);
  });

  test("I10, I14: is unavailable while the provider is, but to those that it need not be asked about", async () => {
    const known = { jwt: issuer.token({ sub: "sam" }), opaque: opaque({ sub: "sam" }) };
    expect(await ask(caller, known.jwt)).toMatchObject({ code: 0 });
    expect(await ask(caller, known.opaque)).toMatchObject({ code: 0 });
    issuer.disorder = (response) => response.destroy();
    const unavailable = refused(caller, refusals.identityProviderUnavailable);
    expect(await ask(caller, opaque({ sub: "sam" }))).toEqual(unavailable);
    expect(await ask(caller, known.opaque)).toMatchObject({ code: 0 });
    expect(await ask(caller, issuer.token({ sub: "sam", jti: caller.name }))).toMatchObject({
      code: 0,
    });
    expect(await ask(caller, server.adminToken)).toMatchObject({ code: 0 });
  });
});

describe("the caller's language", () => {
  const notChanged = {
    de: "Profil nicht verändert",
    fr: "Profil inchangé",
    en: "Profile not changed",
  };
  test.for<{
    name: string;
    claims: Record<string, unknown>;
    accept?: string;
    want: keyof typeof notChanged;
  }>([
    { name: "the locale of the token", claims: { sub: "sam", locale: "de" }, want: "de" },
    { name: "a locale with a region", claims: { sub: "sam", locale: "de_AT" }, want: "de" },
    {
      name: "the locale of the token, before the header",
      claims: { sub: "sam", locale: "de" },
      accept: "en",
      want: "de",
    },
    { name: "the header, without a locale", claims: { sub: "sam" }, accept: "de", want: "de" },
    {
      name: "the header, when the locale is none",
      claims: { sub: "sam", locale: "no such thing" },
      accept: "de",
      want: "de",
    },
    {
      name: "the header, when the locale is no text",
      claims: { sub: "sam", locale: { de: true } },
      accept: "de",
      want: "de",
    },
    { name: "the default, without any", claims: { sub: "sam" }, want: "en" },
  ])("is that of $name", async ({ claims, accept, want }) => {
    for (const { tokenOf } of kinds) {
      const { profile } = await call(byDefault, server.adminToken);
      const request = { userId, ...(profile as JsonObject) };
      const headers = accept === undefined ? {} : { "accept-language": accept };
      const token = tokenOf(claims);
      const reply = await ask(byDefault, token, methods.updateHumanProfile, request, headers);
      expect(reply).toMatchObject({ code: 9, message: `${notChanged[want]} (COMMAND-2M0fs)` });
    }
  });

  test("is that of their profile, if they are one of our people", async () => {
    const { profile } = await call(byDefault, server.adminToken);
    const request = { userId, ...(profile as JsonObject) };
    const headers = { "accept-language": "en" };
    for (const { tokenOf } of kinds) {
      const token = tokenOf({ sub: userId });
      const reply = await ask(byDefault, token, methods.updateHumanProfile, request, headers);
      expect(reply).toMatchObject({ code: 9, message: "Profil nicht verändert (COMMAND-2M0fs)" });
    }
  });

  test("does not change what is said about tokens", async () => {
    const token = issuer.token({ sub: "sam", locale: "de", exp: 1 });
    expect(await ask(byDefault, token)).toEqual(refused(byDefault, refusals.tokenInvalid));
  });
});

describe("a server with a provider", () => {
  test("knows its own tokens by itself, the good and the bad", async () => {
    expect(await ask(byDefault, server.adminToken)).toMatchObject({ code: 0 });
    for (const bad of ["gir_", `gir_${"a".repeat(49)}`, server.adminToken.slice(0, -1)])
      expect(await ask(byDefault, bad)).toEqual(refused(byDefault, refusals.tokenInvalid));
    expect(issuer.introspections).toEqual([]);
  });

  test("lets nobody pass for a service account", async () => {
    const { account } = await server.administer(
      ...["token", "create", "--name", "robot", "--role", "IAM_OWNER"],
    );
    const sub = text((account as { id: unknown }).id);
    for (const { tokenOf } of kinds)
      expect(await ask(byDefault, tokenOf({ sub }))).toEqual(
        refused(byDefault, refusals.tokenInvalid),
      );
  });

  test("heeds a role that is given or taken while it runs", async () => {
    const member = ["--subject", "kim", "--role", "ORG_OWNER", "--org", server.organization];
    const token = issuer.token({ sub: "kim" });
    expect(await ask(byDefault, token)).toEqual(refused(byDefault, refusals.membershipNotFound));
    await server.administer("member", "add", ...member);
    const code = async () => (await ask(byDefault, token)).code;
    await expect.poll(code).toBe(0);
    await server.administer("member", "remove", ...member);
    await expect.poll(code).toBe(5);
    expect(await ask(byDefault, token)).toEqual(refused(byDefault, refusals.membershipNotFound));
  });

  test("I11: refuses its own people once they are deactivated", async () => {
    const email = { email: "kim@giraffe.example" };
    const request = { userName: "kim", profile: gigi, email };
    const added = await call(byDefault, server.adminToken, methods.importHumanUser, request);
    const id = text(added.userId);
    const role = ["--role", "ORG_OWNER", "--org", server.organization];
    await server.administer("member", "add", "--subject", id, ...role);
    const read = async () => (await ask(byDefault, issuer.token({ sub: id }))).code;
    expect(await read()).toBe(0);
    await call(byDefault, server.adminToken, methods.deactivateUser, { id });
    await expect.poll(read).toBe(16);
    for (const { tokenOf } of kinds)
      expect(await ask(byDefault, tokenOf({ sub: id }))).toEqual(
        refused(byDefault, refusals.tokenInvalid),
      );
    await call(byDefault, server.adminToken, methods.reactivateUser, { id });
    await expect.poll(read).toBe(0);
  });

  test.for(["deactivateUser", "lockUser", "removeUser"] as const)(
    "B1: refuses its own people after %s, whatever organization their token names",
    async (method) => {
      const userName = `kim-${method}`;
      const email = { email: `${userName}@giraffe.example` };
      const request = { userName, profile: gigi, email };
      // At home in the other organization, with a role in the first, and with no claim that names either.
      const elsewhere = { "x-zitadel-orgid": other };
      const add = methods.importHumanUser;
      const id = text((await call(byDefault, server.adminToken, add, request, elsewhere)).userId);
      const role = ["--role", "ORG_OWNER", "--org", server.organization];
      await server.administer("member", "add", "--subject", id, ...role);
      const claim = "urn:zitadel:iam:user:resourceowner:id";
      const homes = [{}, { [claim]: server.organization }, { [claim]: other }, { [claim]: "1" }];
      const orgOf = { "x-zitadel-orgid": server.organization };
      const read = async (token: string) =>
        (await ask(byDefault, token, methods.getHumanProfile, { userId }, orgOf)).code;
      const tokens = kinds.flatMap(({ tokenOf }) =>
        homes.map((home) => tokenOf({ sub: id, ...home })),
      );
      for (const token of tokens) expect(await read(token)).toBe(0);
      await call(byDefault, server.adminToken, methods[method], { id }, elsewhere);
      for (const token of tokens) await expect.poll(() => read(token)).toBe(16);
    },
  );

  test("B2: goes on knowing good tokens while somebody brings odd ones", async () => {
    const single = await startWith(issuer, "opaque tokens");
    onTestFinished(() => single.close());
    await single.administer("member", "add", "--subject", "root", "--role", "IAM_OWNER");
    const read = async (token: string) =>
      (await ask(byDefault, token, methods.getHumanProfile, { userId }, {}, single)).code;
    issuer.disorder = (response) => response.writeHead(400).end("{}");
    for (let number = 0; number < 20; number += 1) expect(await read(`odd-${number}`)).toBe(16);
    issuer.disorder = undefined;
    expect(await read(opaque({ sub: "root" }))).toBe(5);
  });

  test.for(kinds)("B3: lets $kind in beside 721 guesses, with a slow provider", async (kind) => {
    const single = await startWith(issuer, "JWTs", "opaque tokens");
    onTestFinished(() => single.close());
    await single.administer("member", "add", "--subject", "root", "--role", "IAM_OWNER");
    const read = async (token: string) =>
      (await ask(byDefault, token, methods.getHumanProfile, { userId }, {}, single)).code;
    // The clock is stopped, because the guesser gets new tries with time.
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    issuer.delayMs = 20;
    const guesses: Promise<number>[] = [];
    for (let number = 0; number < 721; number += 1) {
      guesses.push(read(`guess-${number}`));
      // Server and provider share the event loop. Sent in one turn, the guesses would make the provider late.
      await nextTurn();
    }
    for (let number = 0; number < 5; number += 1)
      expect(await read(kind.tokenOf({ sub: "root", jti: String(number) }))).toBe(5);
    const codes = await Promise.all(guesses);
    expect(codes.filter((code) => code === 16)).toHaveLength(100);
    expect(codes.filter((code) => code === 8)).toHaveLength(621);
  });

  test("has neither tokens nor claims in what it logs", async () => {
    const tokens = [
      issuer.token({ sub: "canary-1", email: "canary-2" }),
      issuer.token({ sub: "canary-3", aud: "canary-4" }),
      opaque({ sub: "canary-5", locale: "canary-6" }),
      "canary-7",
    ];
    for (const token of tokens) await ask(byDefault, token);
    issuer.disorder = (response) => response.writeHead(200).end('{"canary-8"');
    await ask(byDefault, "canary-9");
    const told = (value: unknown): unknown =>
      value instanceof Error
        ? [value.message, value.stack, { ...value }, told(value.cause)]
        : value;
    const said = server.records.map((record) =>
      JSON.stringify({ ...record, cause: told(record.cause) }),
    );
    expect(said.filter((line) => line.includes("canary"))).toEqual([]);
    expect(server.records.map(({ refusal }) => refusal)).toContain(
      "the token is refused: ERR_JWT_CLAIM_VALIDATION_FAILED, aud",
    );
    const parts = tokens.flatMap((token) => token.split("."));
    expect(said.filter((line) => parts.some((part) => line.includes(part)))).toEqual([]);
    expect(said.some((line) => line.includes("did not answer with a JSON object"))).toBe(true);
  });

  test.for<{ kind: "JWTs" | "opaque tokens"; good: () => string; bad: () => string }>([
    {
      kind: "JWTs",
      good: () => issuer.token({ sub: "root" }),
      bad: () => opaque({ sub: "root" }),
    },
    { kind: "opaque tokens", good: () => opaque({ sub: "root" }), bad: () => "unknown" },
  ])("for $kind alone takes no others", async ({ kind, good, bad }) => {
    const single = await startWith(issuer, kind);
    onTestFinished(() => single.close());
    await single.administer("member", "add", "--subject", "root", "--role", "IAM_OWNER");
    const read = (token: string) =>
      ask(byDefault, token, methods.getHumanProfile, { userId }, {}, single);
    expect(await read(good())).toMatchObject(userNotFound);
    expect(await read(bad())).toEqual(refused(byDefault, refusals.tokenInvalid));
  });

  test("asks about JWTs, too, when only introspection is configured", async () => {
    const single = await startWith(issuer, "opaque tokens");
    onTestFinished(() => single.close());
    await single.administer("member", "add", "--subject", "root", "--role", "IAM_OWNER");
    const token = issuer.token({ sub: "somebody" });
    issuer.opaque.set(token, { active: true, sub: "root" });
    const reply = await ask(byDefault, token, methods.getHumanProfile, { userId }, {}, single);
    expect(reply).toMatchObject(userNotFound);
    expect(issuer.introspections.map(({ form }) => form.get("token"))).toEqual([token]);
  });

  test("starts without its provider, and works once that is there", async () => {
    const port = await freePort();
    const early = await startIssuer(undefined, port);
    await early.close();
    const own = await startWith(early, "JWTs");
    onTestFinished(() => own.close());
    await own.administer("member", "add", "--subject", "root", "--role", "IAM_OWNER");
    const read = () =>
      ask(byDefault, early.token({ sub: "root" }), methods.getHumanProfile, { userId }, {}, own);
    expect(await read()).toEqual(refused(byDefault, refusals.identityProviderUnavailable));
    const late = await startIssuer(undefined, port);
    onTestFinished(() => late.close());
    late.keys = early.keys;
    await expect.poll(read).toMatchObject(userNotFound);
  });
});
