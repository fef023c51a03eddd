import type { OtherTabs } from "./other-tabs.ts";
import { comeBack, isComingBack, type Provider, readProvider } from "./provider.ts";
import { type End, keepSession, type Session } from "./session.ts";
import { createSignInForm } from "./sign-in-form.ts";

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
