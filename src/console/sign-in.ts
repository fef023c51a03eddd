import { createApi } from "./api.ts";
import { byId, markField, say } from "./dom.ts";
import { findUsers } from "./find-users.ts";
import { problemFrom } from "./problem.ts";
import { keepSession, type Session } from "./session.ts";

/** Reasons of errors that another organization id would correct. */
const organizationReasons: readonly string[] = ["ORGANIZATION_NOT_FOUND", "MEMBERSHIP_NOT_FOUND"];

/** Reasons of errors that another token would correct. */
const tokenReasons: readonly string[] = ["TOKEN_INVALID", "AUTH_HEADER_INVALID"];

/**
 * Show the form that asks for a token, until the server accepts one.
 *
 * @param notice Why the last session ended, shown above the form; empty for no notice.
 * @returns Who has signed in, after `keepSession` was called.
 */
export function signIn(notice: string): Promise<Session> {
  const main = byId("sign-in", HTMLElement);
  const form = byId("sign-in-form", HTMLFormElement);
  const noticeLine = byId("sign-in-notice", HTMLElement);
  const token = byId("token", HTMLInputElement);
  const organization = byId("organization", HTMLInputElement);
  let isBusy = false;

  function complain(field: HTMLElement, text: string): void {
    markField(field, text);
    field.focus();
  }

  async function attempt(session: Session): Promise<boolean> {
    try {
      // Whether anybody is found does not matter.
      await findUsers(createApi(session), { text: "-", offset: 0, limit: 1 });
      return true;
    } catch (error) {
      const { reason, text } = problemFrom(error);
      if (tokenReasons.includes(reason)) complain(token, "The server does not know this token.");
      else if (organizationReasons.includes(reason)) complain(organization, text);
      else say(noticeLine, text);
      return false;
    }
  }

  main.hidden = false;
  say(noticeLine, notice);
  token.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (isBusy) return;
      const session = { token: token.value.trim(), organization: organization.value.trim() };
      for (const field of [token, organization]) markField(field, "");
      say(noticeLine, "");
      if (!/^[!-~]+$/.test(session.token)) {
        complain(token, "Paste an access token: letters, digits and signs, without spaces.");
        return;
      }
      if (!/^[ -~]*$/.test(session.organization)) {
        complain(organization, "An organization id has only ASCII letters, digits and signs.");
        return;
      }
      isBusy = true;
      form.ariaBusy = "true";
      const isAccepted = await attempt(session);
      isBusy = false;
      form.ariaBusy = null;
      if (!isAccepted) return;
      form.reset();
      main.hidden = true;
      keepSession(session);
      resolve(session);
    });
  });
}
