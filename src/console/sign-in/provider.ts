import * as oauth from "oauth4webapi";

/** The identity provider that people may sign in with, as the server has it configured. */
export type Provider = {
  readonly issuer: string;
  /** Of a public client: it has no secret. */
  readonly clientId: string;
  readonly scope: string;
};

/** What the page must remember while somebody is at the provider. */
type Departure = {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The fragment of the address that is gone back to. */
  readonly hash: string;
  /** The organization that was typed; empty for none. */
  readonly organization: string;
};

/** What came of a visit to the provider. */
export type Arrival = { readonly token: string; readonly organization: string };

/** The provider did not let somebody in, or cannot be used. The message is for people. */
export class SignInFailed extends Error {
  override readonly name = "SignInFailed";
}

const departureKey = "giraffe.departure";

/** An answer of the provider that takes longer is not waited for, in milliseconds. */
const patienceMs = 10_000;

/** The provider that the server names; `undefined` if there is none, or the server does not answer. */
export async function readProvider(): Promise<Provider | undefined> {
  try {
    const answer = await fetch("/console.json");
    return ((await answer.json()) as { signIn?: Provider }).signIn;
  } catch {
    return undefined;
  }
}

/** Whether somebody comes back from a provider: the address says so, and the page has sent them there. */
export function isComingBack(): boolean {
  return sessionStorage.getItem(departureKey) !== null && location.search !== "";
}

/**
 * Leave the page for the provider: the authorization code flow of OpenID Connect with PKCE (RFC 7636).
 *
 * @throws SignInFailed if the provider cannot be asked.
 */
export async function goToProvider(provider: Provider, organization: string): Promise<void> {
  const { authorization_endpoint: endpoint } = await discover(provider);
  const address = endpoint === undefined ? null : URL.parse(endpoint);
  if (address?.protocol !== new URL(provider.issuer).protocol)
    throw new SignInFailed("The provider names no address for signing in.");
  const departure: Departure = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    hash: location.hash,
    organization,
  };
  const query = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: redirectUri(),
    scope: provider.scope,
    state: departure.state,
    nonce: departure.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(departure.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  sessionStorage.setItem(departureKey, JSON.stringify(departure));
  location.assign(address);
}

/**
 * Take the token from the provider after it has sent somebody back. The address becomes what it was before they left,
 * so that the code does not stay in the history.
 *
 * @throws SignInFailed if the provider did not let them in, or if its answer does not belong to this tab.
 */
export async function comeBack(provider: Provider | undefined): Promise<Arrival> {
  const { state, nonce, verifier, hash, organization } = takeDeparture();
  const answer = new URL(location.href);
  history.replaceState(null, "", `/${hash}`);
  if (provider === undefined) throw new SignInFailed("The server names no provider any more.");
  const client = { client_id: provider.clientId };
  const server = await discover(provider);
  try {
    const granted = oauth.validateAuthResponse(server, client, answer, state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      granted,
      redirectUri(),
      verifier,
      optionsFor(provider),
    );
    const { access_token: token } = await oauth.processAuthorizationCodeResponse(
      server,
      client,
      response,
      { expectedNonce: nonce, requireIdToken: true },
    );
    return { token, organization };
  } catch (error) {
    throw new SignInFailed(reasonOf(error), { cause: error });
  }
}

/** Where the provider sends people back to. It knows this address by heart, so it has no fragment. */
function redirectUri(): string {
  return `${location.origin}/`;
}

function takeDeparture(): Departure {
  const text = sessionStorage.getItem(departureKey) ?? "";
  sessionStorage.removeItem(departureKey);
  return JSON.parse(text) as Departure;
}

/** @throws SignInFailed if the provider does not answer as OpenID Connect Discovery wants it. */
async function discover(provider: Provider): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(provider.issuer);
  try {
    const response = await oauth.discoveryRequest(issuer, optionsFor(provider));
    return await oauth.processDiscoveryResponse(issuer, response);
  } catch (error) {
    throw new SignInFailed("The provider cannot be reached. Try again in a moment.", {
      cause: error,
    });
  }
}

/** The server accepts an issuer without TLS on loopback only. */
function optionsFor({ issuer }: Provider) {
  return {
    [oauth.allowInsecureRequests]: new URL(issuer).protocol === "http:",
    signal: () => AbortSignal.timeout(patienceMs),
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof oauth.AuthorizationResponseError && error.error === "access_denied")
    return "The provider did not let you in.";
  if (error instanceof TypeError) return "The provider cannot be reached. Try again in a moment.";
  return "The answer of the provider cannot be used. Try again.";
}
