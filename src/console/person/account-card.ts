import type { User } from "../../../gen/zitadel/user_pb.ts";
import { type Api, ifVersion } from "../api.ts";
import { byId, say } from "../dom.ts";
import { type AccountFact, createAccountRow } from "./account-row.ts";
import { type Card, storedText, type Tools, versionOf } from "./report.ts";

/** User name, e-mail and phone. */
export function createAccountCard(tools: Tools): Card {
  const { api } = tools;
  const rows = [userNameFact(api), emailFact(api), phoneFact(api)].map((fact) =>
    createAccountRow(fact, tools),
  );
  const emailMark = byId("email-mark", HTMLElement);
  const phoneMark = byId("phone-mark", HTMLElement);
  const removePhone = createPhoneRemoval(tools);
  return {
    show(user, permissions, signal) {
      for (const row of rows) void row.show(user, permissions, signal);
      const { email, phone } = contactOf(user);
      say(emailMark, markText(email.email, email.isEmailVerified));
      say(phoneMark, markText(phone.phone, phone.isPhoneVerified));
      removePhone(user, permissions.mayWrite && phone.phone !== "");
    },
    reset() {
      for (const row of rows) row.reset();
    },
  };
}

function contactOf({ type }: User) {
  const human = type.case === "human" ? type.value : undefined;
  return {
    email: human?.email ?? { email: "", isEmailVerified: false },
    phone: human?.phone ?? { phone: "", isPhoneVerified: false },
  };
}

function markText(value: string, isVerified: boolean): string {
  if (value === "") return "";
  return isVerified ? "verified" : "not verified";
}

function userNameFact(api: Api): AccountFact {
  const field = byId("user-name", HTMLInputElement);
  return {
    id: "user-name",
    fields: { user_name: field },
    texts: { USER_NAME_NOT_CHANGED: "Nothing to save: this is the user name already." },
    places: { USER_ALREADY_EXISTS: "user_name" },
    value: ({ userName }) => userName,
    values: ({ userName }) => ({ user_name: userName }),
    save: (userId, options) => api.updateUserName({ userId, userName: field.value }, options),
  };
}

function emailFact(api: Api): AccountFact {
  const field = byId("email", HTMLInputElement);
  const verified = byId("email-verified", HTMLInputElement);
  pair(field, verified);
  return {
    id: "email",
    fields: { email: field, is_email_verified: verified },
    texts: {
      EMAIL_NOT_CHANGED:
        "Nothing to save: this is the e-mail already. An address that is verified stays verified.",
    },
    places: {},
    value: (user) => contactOf(user).email.email,
    values(user) {
      const { email, isEmailVerified } = contactOf(user).email;
      return { email, is_email_verified: String(isEmailVerified) };
    },
    save(userId, options) {
      const email = { email: field.value, isEmailVerified: verified.checked };
      return api.updateHumanEmail({ userId, ...email }, options);
    },
  };
}

function phoneFact(api: Api): AccountFact {
  const field = byId("phone", HTMLInputElement);
  const verified = byId("phone-verified", HTMLInputElement);
  pair(field, verified);
  return {
    id: "phone",
    fields: { phone: field, is_phone_verified: verified },
    texts: {
      PHONE_NOT_CHANGED:
        "Nothing to save: this is the phone already. A number that is verified stays verified.",
    },
    places: { PHONE_INVALID: "phone" },
    value: (user) => contactOf(user).phone.phone,
    values(user) {
      const { phone, isPhoneVerified } = contactOf(user).phone;
      return { phone, is_phone_verified: String(isPhoneVerified) };
    },
    save(userId, options) {
      const phone = { phone: field.value, isPhoneVerified: verified.checked };
      return api.updateHumanPhone({ userId, ...phone }, options);
    },
  };
}

/**
 * A value and whether it is verified. Typing another value takes the tick away, once: that the old value was
 * verified says nothing about the new one.
 */
function pair(field: HTMLInputElement, verified: HTMLInputElement): void {
  let isTouched = false;
  field.addEventListener("input", () => {
    if (!isTouched) verified.checked = false;
    isTouched = true;
  });
  // When the form is closed.
  field.form?.addEventListener("reset", () => {
    isTouched = false;
  });
}

/** The button that removes the phone. The returned function says whose phone it is, and whether it is shown. */
function createPhoneRemoval({ api, report, attempt, question }: Tools) {
  const saved = byId("account-saved", HTMLElement);
  const notice = byId("account-notice", HTMLElement);
  const button = byId("phone-remove", HTMLButtonElement);
  const change = byId("phone-change", HTMLButtonElement);
  let shown: User | undefined;

  const remove = (user: User) =>
    attempt(user.id, notice, async () => {
      const userId = user.id;
      const text = `${contactOf(user).phone.phone} will be forgotten.`;
      if (!(await question.ask("Remove the phone?", text, "Remove"))) return;
      const answer = await api.removeHumanPhone({ userId }, ifVersion(versionOf(user)));
      if (await report.stored(userId, saved, storedText(answer))) change.focus();
    });

  button.addEventListener("click", () => {
    if (shown !== undefined) void remove(shown);
  });
  return (user: User, isShown: boolean) => {
    shown = user;
    button.hidden = !isShown;
  };
}
