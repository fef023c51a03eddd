import { byId } from "../dom.ts";
import { goToProvider, type Provider, SignInFailed } from "./provider.ts";
import type { Session } from "./session.ts";
import { createSignInFields } from "./sign-in-fields.ts";
import { trySession } from "./try-session.ts";

/** Asks for a token, and sends people to the identity provider. Does one thing at a time. */
export interface SignInForm {
  /** Use what the provider has given; `undefined` if it is of no use, which the form then says. */
  arrive(arriving: Promise<Session>): Promise<Session | undefined>;
  /**
   * Show the form.
   *
   * @param notice Said if the form has nothing to say itself.
   * @returns When the server has accepted a token.
   */
  ask(notice: string): Promise<Session>;
  close(): void;
}

/**
 * Finds the form in the page.
 *
 * @param provider `undefined`: the form offers none.
 */
export function createSignInForm(provider: Provider | undefined): SignInForm {
  const main = byId("sign-in", HTMLElement);
  const form = byId("sign-in-form", HTMLFormElement);
  const fields = createSignInFields();
  let isBusy = false;

  async function busily<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
    if (isBusy) return undefined;
    isBusy = true;
    form.ariaBusy = "true";
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof SignInFailed)) throw error;
      fields.notice(error.message);
      return undefined;
    } finally {
      isBusy = false;
      form.ariaBusy = null;
    }
  }

  /** @param refused What to say about a token that the server does not accept. */
  async function attempt(session: Session, refused: () => void): Promise<Session | undefined> {
    const rejection = await trySession(session);
    if (rejection === undefined) return session;
    const { wrong, text } = rejection;
    if (wrong === "token") refused();
    else if (wrong === "organization") fields.complain("organization", text);
    else fields.notice(text);
    return undefined;
  }

  async function submit(): Promise<Session | undefined> {
    fields.clear();
    const token = fields.readToken();
    const organization = token === undefined ? undefined : fields.readOrganization();
    if (token === undefined || organization === undefined) return undefined;
    return attempt({ token, organization }, () =>
      fields.complain("token", "The server does not know this token."),
    );
  }

  async function depart(to: Provider): Promise<void> {
    fields.clear();
    const organization = fields.readOrganization();
    if (organization !== undefined) await goToProvider(to, organization);
  }

  const leave = offer(provider, (to) => void busily(() => depart(to)));

  return {
    arrive: (arriving) =>
      busily(async () => {
        const session = await arriving;
        fields.fillOrganization(session.organization);
        return attempt(session, () =>
          fields.notice("The server does not accept the tokens of this provider."),
        );
      }),
    ask(notice) {
      main.hidden = false;
      fields.noticeFirst(notice);
      fields.focus(leave);
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

/** Show the button that leads to the provider. @returns It; `undefined` if there is no provider. */
function offer(
  provider: Provider | undefined,
  depart: (to: Provider) => void,
): HTMLButtonElement | undefined {
  byId("provider", HTMLElement).hidden = provider === undefined;
  if (provider === undefined) return undefined;
  const leave = byId("provider-sign-in", HTMLButtonElement);
  leave.textContent = `Sign in with ${new URL(provider.issuer).host}`;
  leave.addEventListener("click", () => depart(provider));
  return leave;
}
