import { generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

/** A pair of keys that an issuer signs with. */
export type SigningKey = {
  readonly alg: "RS256" | "ES256" | "EdDSA";
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

export function createSigningKey(alg: SigningKey["alg"], kid: string = randomUUID()): SigningKey {
  return { alg, kid, ...pairs[alg]() };
}

const pairs = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

type Json = Readonly<Record<string, unknown>>;

/** A JWT, without the checks of a library: anything can be signed. */
export function signedToken(key: SigningKey, header: Json, claims: Json | string): string {
  const payload = typeof claims === "string" ? claims : JSON.stringify(claims);
  const input = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  const digest = key.alg === "EdDSA" ? null : "sha256";
  const options = { key: key.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${input}.${sign(digest, Buffer.from(input), options).toString("base64url")}`;
}

export const base64url = (bytes: string | Buffer) => Buffer.from(bytes).toString("base64url");

/** A wrong answer of an issuer, or none. */
export type Disorder = (response: ServerResponse, request: IncomingMessage) => void;

/** An identity provider on loopback: discovery, keys and introspection. */
export type Issuer = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly introspectionUrl: string;
  /** What it publishes now. */
  keys: readonly SigningKey[];
  /** Fields of its keys to replace. */
  keyFields: Json;
  /** A wrong answer for every path, as in an outage. */
  disorder: Disorder | undefined;
  /** How long it waits before each answer. */
  delayMs: number;
  /** Fields of the discovery document to replace. */
  discovery: Json;
  /** Its answers about opaque tokens. Tokens that are not in it are not active. */
  readonly opaque: Map<string, unknown>;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Headers and form of every introspection. */
  readonly introspections: { readonly authorization: string; readonly form: URLSearchParams }[];
  /** A valid token, except for these claims and fields of the header. `undefined` leaves a claim or field out. */
  token(claims?: Json, header?: Json, key?: SigningKey): string;
  close(): Promise<void>;
};

export const audience = "giraffe";

/**
 * @param nowSeconds Of the issuer's clock.
 * @param port Default: one that is free now, and may be somebody else's when the issuer is closed.
 */
export async function startIssuer(
  nowSeconds: () => number = () => Math.floor(Date.now() / 1_000),
  port = 0,
): Promise<Issuer> {
  const server = createServer(async (request, response) => {
    issuer.asked.push(request.url ?? "");
    if (issuer.disorder !== undefined) return issuer.disorder(response, request);
    if (issuer.delayMs > 0) await delay(issuer.delayMs);
    const answer = await answers[request.url ?? ""]?.(request);
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  const answers: Readonly<Record<string, (request: IncomingMessage) => unknown>> = {
    "/.well-known/openid-configuration": () => ({
      issuer: issuer.url,
      jwks_uri: `${issuer.url}/keys`,
      ...issuer.discovery,
    }),
    "/keys": () => ({ keys: issuer.keys.map((key) => ({ ...jwkOf(key), ...issuer.keyFields })) }),
    "/introspect": async (request) => {
      const form = new URLSearchParams(await text(request));
      issuer.introspections.push({ authorization: request.headers.authorization ?? "", form });
      return issuer.opaque.get(form.get("token") ?? "") ?? { active: false };
    },
  };
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const issuer: Issuer = {
    url,
    introspectionUrl: `${url}/introspect`,
    keys: [createSigningKey("ES256")],
    keyFields: {},
    disorder: undefined,
    delayMs: 0,
    discovery: {},
    opaque: new Map(),
    asked: [],
    introspections: [],
    token(claims, header, key = issuer.keys[0] as SigningKey) {
      const iat = nowSeconds();
      const usual = { iss: url, aud: audience, sub: "sam", iat, exp: iat + 3_600 };
      const named = { alg: key.alg, kid: key.kid, typ: "at+jwt" };
      return signedToken(key, { ...named, ...header }, { ...usual, ...claims });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return issuer;
}

function jwkOf({ publicKey, kid, alg }: SigningKey) {
  return { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

/** Wrong answers that issuers give in an outage. */
export const disorders: Readonly<Record<string, Disorder>> = {
  "with status 500": (response) => response.writeHead(500).end("{}"),
  "with status 401": (response) => response.writeHead(401).end("{}"),
  "with a page": (response) => response.writeHead(200).end("<html>"),
  "with an array": (response) => response.writeHead(200).end("[]"),
  "with null": (response) => response.writeHead(200).end("null"),
  "with nothing": (response) => response.writeHead(200).end(),
  "with text that is no UTF-8": (response) =>
    response.writeHead(200).end(Buffer.from('{"active":true,"sub":"\xff"}', "latin1")),
  "with an empty object": (response) => response.writeHead(200).end("{}"),
  "with a megabyte": (response) =>
    response.writeHead(200).end(JSON.stringify({ active: true, pad: "x".repeat(1_000_000) })),
  "by hanging up": (response) => response.destroy(),
};
