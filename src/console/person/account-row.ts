import type { User } from "../../../gen/zitadel/user_pb.ts";
import { byId, say } from "../dom.ts";
import { createEditForm } from "../edit-form.ts";
import { type Answer, type Card, type Report, storedText } from "./report.ts";

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
  /** Put the fact into the fields. */
  fill(user: User): void;
  /** Ask the server to store what the fields say. */
  save(userId: string): Promise<Answer>;
};

/** Finds a row of the account in the page: a value, a button, and the form that takes their place. */
export function createAccountRow(fact: AccountFact, report: Report): Card {
  const row = byId(`${fact.id}-row`, HTMLElement);
  const value = byId(`${fact.id}-value`, HTMLElement);
  const change = byId(`${fact.id}-change`, HTMLButtonElement);
  const saved = byId("account-saved", HTMLElement);
  let shown: User | undefined;
  const form = createEditForm(`${fact.id}-form`, {
    ...fact,
    async save() {
      const userId = shown?.id ?? "";
      const answer = await fact.save(userId);
      return async () => {
        if (await report.stored(userId, saved, storedText(answer))) left();
      };
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
    fact.fill(shown);
    form.open();
  });

  return {
    show(user, { mayWrite }) {
      shown = user;
      say(value, fact.value(user) || "–");
      change.hidden = !mayWrite;
    },
    reset() {
      form.close();
      row.hidden = false;
    },
  };
}
