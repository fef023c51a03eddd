import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { type JsonObject, ScalarType } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Caller, callers, closeCallers } from "../../support/api/callers.ts";
import { list, object, text } from "../../support/api/json.ts";
import { type Refusal, refusals, refused } from "../../support/api/refusals.ts";
import { gigi, type Method, methods } from "../../support/api/setting.ts";
import { runProgram } from "../../support/child.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import {
  exchangeRaw,
  frameFlags,
  framesOf,
  frameTypes,
  headerBlock,
  http2Frame,
  http2Opening,
  openRaw,
} from "../../wire/raw.ts";

/** Only so that a test does not hang. The default of one second is too short on a busy machine. */
const patienceMs = 60_000;

let server: TestServer;
/** May read, never write. */
let viewer: string;
/** Has a role without any permission here. */
let powerless: string;
/** May do everything, in another organization. */
let outsider: string;
let userId: string;

const byDefault = callers[0] as Caller;
const callerOf = (number: number) => callers[number % callers.length] as Caller;

/** GetHumanProfile; its reply without the headers, which differ each time. */
async function read({ url }: TestServer, caller: Caller, token: string, id = userId) {
  const request = { userId: id };
  const { headers: _, ...reply } = await caller.call(url, methods.getHumanProfile, request, {
    token,
  });
  return reply;
}

/** Makes a call, and throws unless it succeeds. */
async function call({ url, adminToken }: TestServer, method: Method, request: JsonObject) {
  const { body, message } = await byDefault.call(url, method, request, { token: adminToken });
  if (body === undefined) throw new Error(`${method.name}: ${message}`);
  return body;
}

async function addUser(to: TestServer): Promise<string> {
  const email = { email: "gigi@giraffe.example" };
  const request = { userName: "gigi", profile: gigi, email };
  return text((await call(to, methods.importHumanUser, request)).userId);
}

const viewerFlags = ["--role", "ORG_OWNER_VIEWER", "--org"] as const;

/** A token of an account of its own. */
function createToken(of: TestServer, name: string, ...flags: string[]) {
  return of.administer("token", "create", "--name", name, ...flags);
}

beforeAll(async () => {
  server = await startServer([]);
  const home = server.organization;
  const other = text((await server.administer("org", "create", "Zoo")).id);
  viewer = text((await createToken(server, "viewer", ...viewerFlags, home)).secret);
  const impersonator = ["--role", "ORG_ADMIN_IMPERSONATOR", "--org", home];
  powerless = text((await createToken(server, "powerless", ...impersonator)).secret);
  const owner = ["--role", "ORG_OWNER", "--org", other];
  outsider = text((await createToken(server, "outsider", ...owner)).secret);
  userId = await addUser(server);
});
afterAll(async () => {
  closeCallers();
  await server.close();
});

describe.for(callers)("I16: every method, over $name,", (caller) => {
  const isOpen = ({ name }: Method) => name === "Healthz";
  const guarded = Object.values(methods).filter((method) => !isOpen(method));

  type Situation = {
    readonly name: string;
    readonly token: () => string | undefined;
    readonly organization?: () => string;
    readonly want: Refusal;
  };
  const situations: readonly Situation[] = [
    { name: "without a token", token: () => undefined, want: refusals.headerMissing },
    {
      name: "with a role that gives nothing",
      token: () => powerless,
      want: refusals.permissionMissing,
    },
    {
      name: "in an organization where the caller has no role",
      token: () => outsider,
      organization: () => server.organization,
      want: refusals.membershipNotFound,
    },
    {
      name: "in no organization",
      token: () => server.adminToken,
      organization: () => "1",
      want: refusals.organizationNotFound,
    },
  ];

  test.for(guarded.flatMap((method) => situations.map((situation) => ({ method, ...situation }))))(
    "refuses $method.name $name",
    async ({ method, token, organization, want }) => {
      const names = method.input.fields
        .filter((field) => field.fieldKind === "scalar" && field.scalar === ScalarType.STRING)
        .map(({ name, jsonName }) => [jsonName, name.endsWith("id") ? userId : "somebody"]);
      const secret = token();
      const { headers: _, ...reply } = await caller.call(
        server.url,
        method,
        Object.fromEntries(names),
        {
          ...(secret !== undefined && { token: secret }),
          headers: organization === undefined ? {} : { "x-zitadel-orgid": organization() },
        },
      );
      expect(reply).toEqual(refused(caller, want));

      const { result } = await call(server, methods.listUserChanges, { userId });
      expect(list(result)).toHaveLength(1);
      expect(await call(server, methods.getUserByID, { id: userId })).toMatchObject({
        user: { state: "USER_STATE_ACTIVE", human: { profile: gigi } },
      });
    },
  );

  test("needs a token, except Healthz", () => {
    expect(Object.values(methods).filter(isOpen)).toHaveLength(1);
    expect(guarded.length).toBeGreaterThanOrEqual(12);
  });
});

describe.for(callers)("the authorization header, over $name,", (caller) => {
  const readWith = async (headers: Record<string, string>) => {
    const { headers: _, ...reply } = await caller.call(
      server.url,
      methods.getHumanProfile,
      { userId },
      { headers },
    );
    return reply;
  };

  test("is accepted in exactly one form", async () => {
    expect(await readWith({ authorization: `Bearer ${viewer}` })).toMatchObject({ code: 0 });
    expect(await readWith({ AUTHORIZATION: `Bearer ${viewer}` })).toMatchObject({ code: 0 });
  });

  test.for<{ name: string; value: (token: string) => string }>([
    { name: "a scheme in lower case", value: (token) => `bearer ${token}` },
    { name: "a scheme in upper case", value: (token) => `BEARER ${token}` },
    { name: "a scheme in between", value: (token) => `BeareR ${token}` },
    { name: "another scheme", value: (token) => `Basic ${token}` },
    { name: "the scheme of others", value: (token) => `Token ${token}` },
    { name: "credentials for Basic", value: (token) => `Basic ${btoa(`admin:${token}`)}` },
    { name: "no scheme", value: (token) => token },
    { name: "no token", value: () => "Bearer" },
    { name: "no space", value: (token) => `Bearer${token}` },
    { name: "two spaces", value: (token) => `Bearer  ${token}` },
    { name: "a tab", value: (token) => `Bearer\t${token}` },
    { name: "a space and a tab", value: (token) => `Bearer \t${token}` },
    { name: "a space that does not break", value: (token) => `Bearer\u00a0${token}` },
    { name: "a colon", value: (token) => `Bearer: ${token}` },
    { name: "an equals sign", value: (token) => `Bearer=${token}` },
    { name: "text before it", value: (token) => `x Bearer ${token}` },
    { name: "another scheme before it", value: (token) => `Basic x, Bearer ${token}` },
    { name: "text after it", value: (token) => `Bearer ${token} x` },
    { name: "a tab and text after it", value: (token) => `Bearer ${token}\tx` },
    {
      name: "a token in two pieces",
      value: (token) => `Bearer ${token.slice(0, 9)} ${token.slice(9)}`,
    },
    { name: "two tokens", value: (token) => `Bearer ${token} ${token}` },
    { name: "two values, joined", value: (token) => `Bearer ${token}, Bearer ${token}` },
    {
      name: "two values, joined without a space",
      value: (token) => `Bearer ${token},Bearer ${token}`,
    },
  ])("is refused with $name", async ({ value }) => {
    const reply = await readWith({ authorization: value(viewer) });
    expect(reply).toEqual(refused(caller, refusals.headerInvalid));
  });

  test.for([
    "x-authorization",
    "proxy-authorization",
    "grpc-metadata-authorization",
    "grpcgateway-authorization",
    "authorization-bin",
    "x-forwarded-authorization",
    "x-access-token",
    "cookie",
  ])("is not %s", async (name) => {
    const reply = await readWith({ [name]: `Bearer ${viewer}` });
    expect(reply).toEqual(refused(caller, refusals.headerMissing));
  });
});

const servicePath = "/zitadel.management.v1.ManagementService/GetUserByID";

/** GetUserByID in several protocols, as it stands on the wire. */
const requests = [
  {
    protocol: "REST",
    verb: "GET",
    path: () => `/management/v1/users/${userId}`,
    contentType: "application/json",
    body: () => Buffer.of(),
  },
  {
    protocol: "Connect",
    verb: "POST",
    path: () => servicePath,
    contentType: "application/json",
    body: () => Buffer.from(JSON.stringify({ id: userId })),
  },
  {
    protocol: "gRPC-Web",
    verb: "POST",
    path: () => servicePath,
    contentType: "application/grpc-web+proto",
    body: () => {
      const id = Buffer.from(userId);
      const message = Buffer.concat([Buffer.of(10, id.length), id]);
      return Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message]);
    },
  },
] as const;

type RawRequest = (typeof requests)[number];

const portOf = ({ url }: TestServer) => Number(new URL(url).port);

/** With as many authorization headers as there are values; all that comes back. */
const ways = [
  {
    version: "HTTP/1.1",
    send: ({ verb, path, contentType, body }: RawRequest, values: readonly string[]) => {
      const lines = [
        `${verb} ${path()} HTTP/1.1`,
        "Host: localhost",
        "Connection: close",
        `Content-Type: ${contentType}`,
        `Content-Length: ${body().length}`,
        ...values.map((value) => `Authorization: ${value}`),
      ];
      const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
      return exchangeRaw(portOf(server), Buffer.concat([head, body()]));
    },
  },
  {
    version: "h2c",
    send: async (
      { verb, path, contentType, body }: RawRequest,
      values: readonly string[],
    ): Promise<string> => {
      const block = headerBlock([
        [":method", verb],
        [":scheme", "http"],
        [":path", path()],
        [":authority", "localhost"],
        ["content-type", contentType],
        ...values.map((value) => ["authorization", value] as const),
      ]);
      using connection = await openRaw(portOf(server));
      connection.send(http2Opening);
      connection.send(http2Frame(frameTypes.headers, frameFlags.endHeaders, 1, block));
      connection.send(http2Frame(frameTypes.data, frameFlags.endStream, 1, body()));
      const bodyEnds = () =>
        framesOf(connection.received).some(
          ({ streamId, type, flags }) =>
            streamId === 1 && type === frameTypes.data && (flags & frameFlags.endStream) !== 0,
        );
      await vi.waitUntil(bodyEnds, { timeout: patienceMs });
      return connection.received;
    },
  },
] as const;

describe.for(ways.flatMap((way) => requests.map((request) => ({ ...way, request }))))(
  "several authorization headers, $request.protocol over $version,",
  ({ send, request }) => {
    const good = () => `Bearer ${viewer}`;

    test("are accepted if there is only one", async () => {
      expect(await send(request, [good()])).toContain("gigi@giraffe.example");
    });

    test.for([
      { name: "the same twice", values: () => [good(), good()] },
      { name: "a good one before a bad one", values: () => [good(), "Bearer x"] },
      { name: "a good one after a bad one", values: () => ["Bearer x", good()] },
      { name: "a good one after another scheme", values: () => ["Basic x", good()] },
      { name: "a good one before another scheme", values: () => [good(), "Basic x"] },
      { name: "a good one after an empty one", values: () => ["", good()] },
      { name: "three", values: () => [good(), good(), good()] },
    ])("are refused as invalid: $name", async ({ values }) => {
      const received = await send(request, values());
      expect(received).toContain("invalid auth header (AUTH-toLo1)");
      expect(received).not.toContain("gigi@giraffe.example");
    });

    test("are refused when the last is empty", async () => {
      const received = await send(request, [good(), ""]);
      expect(received).toMatch(/AUTH-toLo1|AUTH-7fs1e/);
      expect(received).not.toContain("gigi@giraffe.example");
    });
  },
);

const alphabet = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
const randomWidth = 43;

function base62(value: number): string {
  const digits = Array.from({ length: 6 }, (_, at) => Math.floor(value / 62 ** at) % 62);
  return digits
    .map((digit) => alphabet[digit])
    .reverse()
    .join("");
}

/** A secret as the server makes them, around these 43 characters. */
const sealed = (random: string) => `gir_${random}${base62(crc32(random))}`;

/** A thousand texts that differ little from this secret. */
function mutationsOf(secret: string): string[] {
  const random = secret.slice(4, 4 + randomWidth);
  const places = [...secret].map((_, at) => at);
  const replaced = (whole: string, at: number, by: string) =>
    whole.slice(0, at) + by + whole.slice(at + 1);
  const swapped = (whole: string, at: number) =>
    whole.slice(0, at) +
    whole.slice(at + 1, at + 2) +
    whole.slice(at, at + 1) +
    whole.slice(at + 2);
  const next = (letter: string, by: number) =>
    alphabet[(alphabet.indexOf(letter) + by) % alphabet.length] ?? "";
  const mutations = [
    ...places.slice(1).map((at) => secret.slice(0, at)),
    ...places.slice(1).map((at) => secret.slice(at)),
    ...places.map((at) => replaced(secret, at, "")),
    ...places.map((at) => swapped(secret, at)),
    ...alphabet.flatMap((letter) => [secret + letter, letter + secret]),
    ...["=", "==", ".", "-", "_", "~", "/", "+", ",", ";", "%00", "%20", "%0a", "\u00ff"].map(
      (end) => secret + end,
    ),
    ...places.map((at) => secret.slice(0, at) + encodeURIComponent("%") + secret.slice(at)),
    ...[
      secret.toUpperCase(),
      secret.toLowerCase(),
      secret + secret,
      [...secret].reverse().join(""),
    ],
    ...[btoa(secret), encodeURIComponent(`${secret} `), `"${secret}"`, `<${secret}>`],
    ...[createHash("sha256").update(secret).digest("hex"), random, `gir_${random}`],
    // With a right checksum, so that only a look-up can refuse them.
    ...[...random].flatMap((letter, at) =>
      [1, 2, 30, 61].map((by) => sealed(replaced(random, at, next(letter, by)))),
    ),
    ...[...random].map((_, at) => sealed(swapped(random, at))),
    ...[random.toUpperCase(), random.toLowerCase(), "0".repeat(43), "z".repeat(43)].map(sealed),
    // With a wrong checksum.
    ...[1, 2, 3, 5, 7, 11, 31, 61].flatMap((by) =>
      places.map((at) => replaced(secret, at, next(secret[at] ?? "", by))),
    ),
  ];
  return [...new Set(mutations)].filter((each) => each !== secret).slice(0, 1_000);
}

describe("I9: a token", () => {
  test("has the form that the mutations below assume", () => {
    expect(sealed(viewer.slice(4, 4 + randomWidth))).toBe(viewer);
  });

  test("is not matched by a thousand that are almost equal", async () => {
    const first = await startServer([]);
    const { folder } = first;
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const id = await addUser(first);
    const { secret } = await createToken(first, "viewer", ...viewerFlags, first.organization);
    const good = text(secret);
    await first.stop();
    const mutations = mutationsOf(good).map((token, at) => ({ token, caller: callerOf(at) }));
    expect(mutations).toHaveLength(1_000);

    // A hundred per server, because it refuses more of them without a check.
    for (let from = 0; from < mutations.length; from += 100) {
      const again = await startServer([], folder);
      expect(await read(again, byDefault, good, id)).toMatchObject({ code: 0 });
      const batch = mutations.slice(from, from + 100);
      const replies = await Promise.all(
        batch.map(async ({ token, caller }) => [token, await read(again, caller, token, id)]),
      );
      expect(replies).toEqual(
        batch.map(({ token, caller }) => [token, refused(caller, refusals.tokenInvalid)]),
      );
      expect(await read(again, byDefault, good, id)).toMatchObject({ code: 0 });
      await again.stop();
    }
  });

  test.for([
    { name: "of another kind", token: "opaque" },
    { name: "of an issuer that nobody configured", token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0." },
    { name: "of more than 8,192 characters", token: `gir_${"a".repeat(8_200)}` },
    { name: "of one character", token: "*" },
    { name: "named like a member of objects", token: "__proto__" },
  ])("is refused when it is $name", async ({ token }) => {
    expect(await read(server, byDefault, token)).toEqual(refused(byDefault, refusals.tokenInvalid));
  });

  test("stops working once it is revoked, over every protocol", async () => {
    const { id, secret } = await createToken(
      server,
      "revoked",
      ...viewerFlags,
      server.organization,
    );
    const token = text(secret);
    const replies = await Promise.all(callers.map((caller) => read(server, caller, token)));
    expect(replies.map(({ code }) => code)).toEqual(callers.map(() => 0));
    await server.administer("token", "revoke", text(id));
    while ((await read(server, byDefault, token)).code === 0) await delay(50);
    for (const caller of callers)
      expect(await read(server, caller, token)).toEqual(refused(caller, refusals.tokenInvalid));
    expect(await read(server, byDefault, viewer)).toMatchObject({ code: 0 });
  });

  test("that is revoked does not affect the others of its account", async () => {
    const flags = [...viewerFlags, server.organization];
    const [one, two] = [
      await createToken(server, "two tokens", ...flags),
      await createToken(server, "two tokens", ...flags),
    ];
    expect(object(one.account)).toEqual(object(two.account));
    await server.administer("token", "revoke", text(one.id));
    const first = await read(server, byDefault, text(one.secret));
    expect(first).toEqual(refused(byDefault, refusals.tokenInvalid));
    expect(await read(server, byDefault, text(two.secret))).toMatchObject({ code: 0 });
  });

  test("stops working at the very moment it expires, over every protocol", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const flags = [...viewerFlags, server.organization, "--expires", "90d"];
    const { secret, expiresAt } = await createToken(server, "short", ...flags);
    const [token, end] = [text(secret), Date.parse(text(expiresAt))];
    expect(end - Date.now()).toBe(90 * 24 * 3_600_000);
    vi.setSystemTime(end - 1);
    for (const caller of callers)
      expect(await read(server, caller, token)).toMatchObject({ code: 0 });
    vi.setSystemTime(end);
    for (const caller of callers)
      expect(await read(server, caller, token)).toEqual(refused(caller, refusals.tokenInvalid));
    expect(await read(server, byDefault, viewer)).toMatchObject({ code: 0 });
  });
});

describe("I15: whoever guesses tokens", () => {
  const tooMany = {
    code: 8,
    text: "too many failed authentications from this address",
    reason: "TOO_MANY_FAILED_AUTHENTICATIONS",
    retryDelay: "1s",
  };

  test("is stopped after 100 tries, then has 20 a second, and affects nobody else", async () => {
    const own = await startServer([]);
    onTestFinished(() => own.close());
    const id = await addUser(own);
    const flags = [...viewerFlags, own.organization];
    const known = text((await createToken(own, "known", ...flags)).secret);
    const newcomer = text((await createToken(own, "newcomer", ...flags)).secret);
    const ask = (number: number, token: string) => read(own, callerOf(number), token, id);
    const guess = async (count: number) => {
      const replies: { number: number; reply: Awaited<ReturnType<typeof ask>> }[] = [];
      for (let number = 0; number < count; number += 1)
        replies.push({ number, reply: await ask(number, `gir_guess${number}`) });
      return replies;
    };
    const all = (replies: Awaited<ReturnType<typeof guess>>, want: Refusal) =>
      expect(replies).toEqual(
        replies.map(({ number }) => ({ number, reply: refused(callerOf(number), want) })),
      );
    expect(await ask(0, known)).toMatchObject({ code: 0 });

    // The clock is stopped, because the guesser gets new tries with time.
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    all(await guess(100), refusals.tokenInvalid);
    all(await guess(50), tooMany);
    for (const number of callers.keys())
      expect(await ask(number, known)).toMatchObject({ code: 0 });
    for (const number of callers.keys())
      expect(await ask(number, newcomer)).toMatchObject({ code: 0 });

    vi.advanceTimersByTime(1_000);
    all(await guess(20), refusals.tokenInvalid);
    all(await guess(20), tooMany);
    vi.advanceTimersByTime(100);
    all(await guess(2), refusals.tokenInvalid);
    all(await guess(2), tooMany);
  });
});

describe("I9: a secret", () => {
  /** What must not be in the file: the secret and its parts. */
  function needlesOf(secret: string): Buffer[] {
    const random = secret.slice(4, 4 + randomWidth);
    const value = [...random].reduce(
      (sum, digit) => sum * 62n + BigInt(alphabet.indexOf(digit)),
      0n,
    );
    const hex = value.toString(16).padStart(64, "0");
    const raw = Buffer.from(hex, "hex");
    const texts = [secret, random, hex, raw.toString("base64"), btoa(secret)];
    return [...texts.map((each) => Buffer.from(each)), raw];
  }

  const filesOf = (folder: string) =>
    readdirSync(folder)
      .filter((name) => name !== "admin.token")
      .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));

  test("is in no file of the database, while the server runs and after", async () => {
    const own = await startServer([]);
    onTestFinished(() => rmSync(own.folder, { recursive: true, force: true }));
    const flags = [...viewerFlags, own.organization];
    const documents = [
      await createToken(own, "viewer", ...flags),
      await createToken(own, "expiring", ...flags, "--expires", "1m"),
      await createToken(own, "revoked", ...flags),
    ];
    await own.administer("token", "revoke", text(documents[2]?.id));
    const secrets = [own.adminToken, ...documents.map(({ secret }) => text(secret))];
    for (const secret of secrets) await read(own, byDefault, secret);

    const digests = secrets.map((secret) => createHash("sha256").update(secret).digest("hex"));
    const check = () => {
      const files = filesOf(own.folder);
      const found = files.flatMap(({ name, bytes }) =>
        secrets.flatMap(needlesOf).flatMap((needle) => (bytes.includes(needle) ? [name] : [])),
      );
      expect(found).toEqual([]);
      const isStored = (digest: string) => files.some(({ bytes }) => bytes.includes(digest));
      expect(digests.map(isStored)).toEqual(digests.map(() => true));
    };
    check();
    await own.stop();
    check();
    const said = JSON.stringify(own.records);
    expect(secrets.filter((secret) => said.includes(secret.slice(4)))).toEqual([]);
  });

  test("of the first token is in a file that only its owner can read", async () => {
    const file = join(server.folder, "admin.token");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(/^gir_[0-9A-Za-z]{49}\n$/);
    const modes = readdirSync(server.folder).map((name) => ({
      name,
      mode: statSync(join(server.folder, name)).mode & 0o777,
    }));
    expect(modes).toEqual(modes.map(({ name }) => ({ name, mode: 0o600 })));
  });

  test("of the first token is written once, and no other start changes the file", async () => {
    const first = await startServer([]);
    const file = join(first.folder, "admin.token");
    const { mtimeMs, ino } = statSync(file);
    await first.stop();
    const second = await startServer([], first.folder);
    onTestFinished(() => second.close());
    expect(second.adminToken).toBe(first.adminToken);
    expect(statSync(file)).toMatchObject({ mtimeMs, ino });
  });

  test("is printed once, by the command that makes it", async () => {
    const database = ["--database", `sqlite:${join(server.folder, "giraffe.db")}`];
    const run = (...argv: string[]) =>
      runProgram(process.execPath, ["src/main.js", ...argv, ...database]);
    const create = ["token", "create", "--name", "printed", ...viewerFlags, server.organization];
    const [asText, asJson] = [await run(...create), await run(...create, "--json")];
    expect([asText, asJson]).toMatchObject([
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ]);
    const secretsIn = ({ stdout }: { stdout: string }) => stdout.match(/gir_\w+/g) ?? [];
    const secrets = [...secretsIn(asText), ...secretsIn(asJson)];
    expect(secrets).toEqual([
      expect.stringMatching(/^gir_[0-9A-Za-z]{49}$/),
      expect.stringMatching(/^gir_[0-9A-Za-z]{49}$/),
    ]);
    expect(secrets[0]).not.toBe(secrets[1]);
    for (const token of secrets)
      expect(await read(server, byDefault, token)).toMatchObject({ code: 0 });

    const lists = [await run("token", "list"), await run("token", "list", "--json")];
    expect(lists.map(secretsIn)).toEqual([[], []]);
    const digests = secrets.map((each) => createHash("sha256").update(each).digest("hex"));
    const listed = lists.map(({ stdout }) => stdout).join("");
    expect(digests.filter((digest) => listed.includes(digest))).toEqual([]);
  });

  test("of the first token is not printed by the server", async () => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const flags = ["--listen", "127.0.0.1:0", "--database", `sqlite:${join(folder, "giraffe.db")}`];
    const child = spawn(process.execPath, ["src/main.js", "serve", "--demo", ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const printed = Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        const [, ready] = /^ready (http.*)$/m.exec(chunk.toString()) ?? [];
        if (ready !== undefined) resolve(ready);
      });
      child.once("exit", () => reject(new Error("the server ended before it was ready")));
    });
    const secret = readFileSync(join(folder, "admin.token"), "utf8").trim();
    const read = (token: string) => {
      const request = { userId: "163840776835432705" };
      return byDefault.call(url, methods.getHumanProfile, request, { token });
    };
    expect(await read(secret)).toMatchObject({ code: 0 });
    expect(await read(`${secret}x`)).toMatchObject({ code: 16 });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    const [stdout, stderr] = await printed;
    expect(stderr).toContain("GetHumanProfile");
    expect(stdout + stderr).not.toContain(secret.slice(4, 20));
  });
});
