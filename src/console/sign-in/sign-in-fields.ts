import { byId, markField, say } from "../dom.ts";
import { canNameOrganization } from "./session.ts";

/** What somebody types to sign in, and what is wrong with it. */
export interface SignInFields {
  /** The access token; `undefined` if it cannot be one, which its field then says. */
  readToken(): string | undefined;
  /** The organization id, which may be empty; `undefined` if it cannot be one, which its field then says. */
  readOrganization(): string | undefined;
  fillOrganization(id: string): void;
  /** Say beside a field what is wrong with it, and move the focus there. */
  complain(field: "token" | "organization", text: string): void;
  /** Say what no field is about. */
  notice(text: string): void;
  /** As `notice`, unless that says something already. */
  noticeFirst(text: string): void;
  clear(): void;
  /** Move the focus to the field that is wrong, or else to the first thing to do. */
  focus(first: HTMLElement | undefined): void;
}

/** Finds the fields in the page. */
export function createSignInFields(): SignInFields {
  const noticeLine = byId("sign-in-notice", HTMLElement);
  const token = byId("token", HTMLInputElement);
  const organization = byId("organization", HTMLInputElement);
  const fields = { token, organization };

  function complain(name: keyof typeof fields, text: string): void {
    markField(fields[name], text);
    fields[name].focus();
  }

  return {
    readToken() {
      const typed = token.value.trim();
      if (/^[!-~]+$/.test(typed)) return typed;
      complain("token", "Paste an access token: letters, digits and signs, without spaces.");
      return undefined;
    },
    readOrganization() {
      const typed = organization.value.trim();
      if (canNameOrganization(typed)) return typed;
      complain("organization", "An organization id has only ASCII letters, digits and signs.");
      return undefined;
    },
    fillOrganization(id) {
      organization.value = id;
    },
    complain,
    notice: (text) => say(noticeLine, text),
    noticeFirst(text) {
      if (noticeLine.hidden) say(noticeLine, text);
    },
    clear() {
      for (const field of [token, organization]) markField(field, "");
      say(noticeLine, "");
    },
    focus(first = token) {
      (organization.ariaInvalid === "true" ? organization : first).focus();
    },
  };
}
