import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createSigningKey, signedToken } from "./issuer.ts";

/** What a browser asked for when it was sent to the provider. */
type Request = { readonly query: URLSearchParams };

/** An OpenID provider on loopback that lets in everybody who is sent to it, and checks what its client sends. */
export type Provider = {
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The `sub` of whoever signs in. */
  subject: string;
  /** The answer to who signs in, instead of a code. */
  refusal: string | undefined;
  /** Claims of the ID token and of the access token to replace. */
  idClaims: Readonly<Record<string, unknown>>;
  accessClaims: Readonly<Record<string, unknown>>;
  /** Parameters of the way back to replace. */
  back: Readonly<Record<string, string>>;
  /** Fields of the discovery document to replace. */
  discovery: Readonly<Record<string, unknown>>;
  /** Whether it answers with an error of its own. */
  isDown: boolean;
  readonly visits: Request[];
  /** What was sent to the token endpoint. */
  readonly exchanges: { readonly origin: string; readonly form: URLSearchParams }[];
  close(): Promise<void>;
};

export const clientId = "console";
export const providerAudience = "giraffe";

/** Start one. Any page may ask it, as browsers want it for pages of other origins. */
export async function startProvider(): Promise<Provider> {
  const key = createSigningKey("ES256");
  const codes = new Map<string, Request>();

  function authorize(query: URLSearchParams, response: ServerResponse): void {
    const visit = { query };
    provider.visits.push(visit);
    const back = new URL(query.get("redirect_uri") ?? "");
    const code = randomUUID();
    codes.set(code, visit);
    const answer = provider.refusal === undefined ? { code } : { error: provider.refusal };
    const parameters = { ...answer, state: query.get("state") ?? "", ...provider.back };
    for (const [name, value] of Object.entries(parameters)) back.searchParams.set(name, value);
    response.writeHead(302, { location: String(back) }).end();
  }

  async function exchange(request: IncomingMessage): Promise<readonly [number, unknown]> {
    const form = new URLSearchParams(await text(request));
    provider.exchanges.push({ origin: request.headers.origin ?? "", form });
    const visit = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const isRight =
      visit?.query.get("code_challenge") === challenge &&
      visit.query.get("code_challenge_method") === "S256" &&
      form.get("grant_type") === "authorization_code" &&
      form.get("client_id") === clientId &&
      form.get("redirect_uri") === visit.query.get("redirect_uri");
    if (!isRight) return [400, { error: "invalid_grant" }];
    const iat = Math.floor(Date.now() / 1_000);
    const usual = { iss: url, sub: provider.subject, iat, exp: iat + 3_600 };
    const id = { ...usual, aud: clientId, nonce: visit.query.get("nonce"), ...provider.idClaims };
    const access = { ...usual, aud: providerAudience, ...provider.accessClaims };
    const header = { alg: key.alg, kid: key.kid };
    const answer = {
      token_type: "Bearer",
      expires_in: 3_600,
      access_token: signedToken(key, { ...header, typ: "at+jwt" }, access),
      id_token: signedToken(key, header, id),
    };
    return [200, answer];
  }

  const jwk = { ...key.publicKey.export({ format: "jwk" }), kid: key.kid, alg: key.alg };
  const documents: Readonly<Record<string, () => unknown>> = {
    "/.well-known/openid-configuration": () => ({
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/keys`,
      id_token_signing_alg_values_supported: [key.alg],
      ...provider.discovery,
    }),
    "/keys": () => ({ keys: [jwk] }),
  };

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    if (pathname === "/authorize") return authorize(searchParams, response);
    const found = documents[pathname];
    const [status, answer] =
      provider.isDown || (found === undefined && pathname !== "/token")
        ? [503, {}]
        : found === undefined
          ? await exchange(request)
          : [200, found()];
    response.writeHead(status, {
      "content-type": "application/json",
      "access-control-allow-origin": "*",
    });
    response.end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const provider: Provider = {
    url,
    subject: "sam",
    refusal: undefined,
    idClaims: {},
    accessClaims: {},
    back: {},
    discovery: {},
    isDown: false,
    visits: [],
    exchanges: [],
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return provider;
}
