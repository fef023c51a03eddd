import type { CallOptions } from "@connectrpc/connect";
import type { User } from "../../../gen/zitadel/user_pb.ts";
import { ifVersion } from "../api.ts";
import { byId, say } from "../dom.ts";
import { createEditForm } from "../form/edit-form.ts";
import type { Values } from "../form/form-values.ts";
import { type Answer, type Card, readUser, storedFrom, storedText, type Tools } from "./report.ts";

/** One fact about a user that is changed by a call of its own. */
export type AccountFact = {
  /** What the ids of its elements in the page begin with. */
  readonly id: string;
  /** By the names that the server uses when it refuses one. */
  readonly fields: Readonly<Record<string, HTMLElement>>;
  /** What to say instead of the server's words, by the reason of the error. */
  readonly texts: Readonly<Record<string, string>>;
  /** Which field an error without field violations is about, by its reason. */
  readonly places: Readonly<Record<string, string>>;
  /** What is shown; empty for none. */
  value(user: User): string;
  /** What the fields say of a user. */
  values(user: User): Values;
  /** Ask the server to store what the fields say. */
  save(userId: string, options: CallOptions): Promise<Answer>;
};

/** Finds a row of the account in the page: a value, a button, and the form that takes their place. */
export function createAccountRow(fact: AccountFact, tools: Tools): Card {
  const { api, report } = tools;
  const row = byId(`${fact.id}-row`, HTMLElement);
  const value = byId(`${fact.id}-value`, HTMLElement);
  const change = byId(`${fact.id}-change`, HTMLButtonElement);
  const saved = byId("account-saved", HTMLElement);
  let shown: User | undefined;
  const form = createEditForm(`${fact.id}-form`, {
    ...tools,
    ...fact,
    async save({ userId, version }) {
      const answer = await fact.save(userId, ifVersion(version));
      return () => report.stored(userId, saved, storedText(answer));
    },
    async reload({ userId }) {
      const user = await readUser(api, userId);
      return storedFrom(user, fact.values(user));
    },
    left,
  });

  function left(): void {
    row.hidden = false;
    change.focus();
  }

  change.addEventListener("click", () => {
    if (shown === undefined) return;
    report.begin();
    row.hidden = true;
    form.open(storedFrom(shown, fact.values(shown)));
  });

  return {
    show(user, { mayWrite }) {
      shown = user;
      say(value, fact.value(user) || "–");
      change.hidden = !mayWrite;
      if (!row.hidden && form.restore(user.id)) row.hidden = true;
    },
    reset() {
      form.close();
      row.hidden = false;
    },
  };
}
