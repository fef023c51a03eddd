import { createApi, createTransport } from "../api.ts";
import { byId, markField, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import type { OtherTabs } from "./other-tabs.ts";
import {
  comeBack,
  goToProvider,
  isComingBack,
  type Provider,
  readProvider,
  SignInFailed,
} from "./provider.ts";
import { canNameOrganization, type End, keepSession, type Session } from "./session.ts";

/** Reasons of errors that another organization id would correct. */
const organizationReasons: readonly string[] = ["ORGANIZATION_NOT_FOUND", "MEMBERSHIP_NOT_FOUND"];

/** Reasons of errors that another token would correct. */
const tokenReasons: readonly string[] = ["TOKEN_INVALID", "AUTH_HEADER_INVALID"];

/**
 * Show the form that asks for a token or sends people to the identity provider, until the server accepts a token.
 * Somebody who comes back from the provider needs no form.
 *
 * Somebody who has signed in to another tab needs none either.
 *
 * @param end Why the last session ended, which the form says.
 * @returns Who has signed in, after `keepSession` was called.
 */
export async function signIn({ notice, token }: End, tabs: OtherTabs): Promise<Session> {
  const isBack = isComingBack();
  const elsewhere = tabs.next(token);
  const [provider, known] = await Promise.all([
    readProvider(),
    isBack ? undefined : tabs.ask(elsewhere),
  ]);
  const session = known ?? (await signInHere(provider, isBack, notice, elsewhere));
  keepSession(session);
  return session;
}

/** @param elsewhere When somebody signs in to another tab meanwhile. */
async function signInHere(
  provider: Provider | undefined,
  isBack: boolean,
  notice: string,
  elsewhere: Promise<Session>,
): Promise<Session> {
  const form = createSignInForm(provider);
  const arrived = isBack ? await form.arrive(comeBack(provider)) : undefined;
  if (arrived !== undefined) return arrived;
  const session = await Promise.race([form.ask(notice), elsewhere]);
  form.close();
  return session;
}

/** Finds the form in the page. */
function createSignInForm(provider: Provider | undefined) {
  const main = byId("sign-in", HTMLElement);
  const form = byId("sign-in-form", HTMLFormElement);
  const noticeLine = byId("sign-in-notice", HTMLElement);
  const part = byId("provider", HTMLElement);
  const leave = byId("provider-sign-in", HTMLButtonElement);
  const token = byId("token", HTMLInputElement);
  const organization = byId("organization", HTMLInputElement);
  let isBusy = false;

  function complain(field: HTMLElement, text: string): void {
    markField(field, text);
    field.focus();
  }

  function clear(): void {
    for (const field of [token, organization]) markField(field, "");
    say(noticeLine, "");
  }

  /** Do one thing at a time. */
  async function busily<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
    if (isBusy) return undefined;
    isBusy = true;
    form.ariaBusy = "true";
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof SignInFailed)) throw error;
      say(noticeLine, error.message);
      return undefined;
    } finally {
      isBusy = false;
      form.ariaBusy = null;
    }
  }

  /** @param refused What to say about a token that the server does not accept. */
  async function attempt(session: Session, refused: () => void): Promise<Session | undefined> {
    try {
      // Whether anybody is found does not matter.
      await createApi(createTransport(session)).listUsers({ query: { limit: 1 } });
      return session;
    } catch (error) {
      const { reason, text } = problemFrom(error);
      if (tokenReasons.includes(reason)) refused();
      else if (organizationReasons.includes(reason)) complain(organization, text);
      else say(noticeLine, text);
      return undefined;
    }
  }

  function typedOrganization(): string | undefined {
    const typed = organization.value.trim();
    if (canNameOrganization(typed)) return typed;
    complain(organization, "An organization id has only ASCII letters, digits and signs.");
    return undefined;
  }

  async function submit(): Promise<Session | undefined> {
    clear();
    const typed = token.value.trim();
    if (!/^[!-~]+$/.test(typed)) {
      complain(token, "Paste an access token: letters, digits and signs, without spaces.");
      return undefined;
    }
    const where = typedOrganization();
    if (where === undefined) return undefined;
    return attempt({ token: typed, organization: where }, () =>
      complain(token, "The server does not know this token."),
    );
  }

  async function depart(to: Provider): Promise<void> {
    clear();
    const where = typedOrganization();
    if (where !== undefined) await goToProvider(to, where);
  }

  part.hidden = provider === undefined;
  if (provider !== undefined) {
    leave.textContent = `Sign in with ${new URL(provider.issuer).host}`;
    leave.addEventListener("click", () => void busily(() => depart(provider)));
  }

  return {
    /** Use what the provider has given; `undefined` if it is of no use, which the form then says. */
    arrive: (arriving: Promise<Session>) =>
      busily(async () => {
        const session = await arriving;
        organization.value = session.organization;
        return attempt(session, () =>
          say(noticeLine, "The server does not accept the tokens of this provider."),
        );
      }),
    ask(notice: string): Promise<Session> {
      main.hidden = false;
      if (noticeLine.hidden) say(noticeLine, notice);
      if (organization.ariaInvalid === "true") organization.focus();
      else if (provider === undefined) token.focus();
      else leave.focus();
      return new Promise((resolve) => {
        form.addEventListener("submit", async (event) => {
          event.preventDefault();
          const session = await busily(submit);
          if (session !== undefined) resolve(session);
        });
      });
    },
    close() {
      form.reset();
      main.hidden = true;
    },
  };
}
