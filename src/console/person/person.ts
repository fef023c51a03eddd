import type { Transport } from "@connectrpc/connect";
import type { User } from "../../../gen/zitadel/user_pb.ts";
import { createApi } from "../api.ts";
import { byId, type Sentence, say } from "../dom.ts";
import type { Drafts } from "../form/drafts.ts";
import type { Question } from "../question.ts";
import { createAccessCard } from "./access-card.ts";
import { createAccountCard } from "./account-card.ts";
import { createHistory } from "./history.ts";
import { createMetadataCard } from "./metadata/metadata-card.ts";
import type { Permissions } from "./permissions.ts";
import { createPersonFacts } from "./person-facts.ts";
import { createPersonReader } from "./person-reader.ts";
import { createProfileCard } from "./profile-card.ts";
import type { Report, Tools } from "./report.ts";

/** Shows one user: the facts, what can be changed, and the history. */
export interface Person {
  /** Load a user and show it; the empty id shows nobody. */
  show(userId: string): Promise<void>;
  /** Move the focus to the name, or to the notice if there is nobody to show. */
  focus(): void;
}

type Surroundings = {
  readonly transport: Transport;
  readonly drafts: Drafts;
  readonly question: Question;
  /** Called when the user was changed, because the list may show an old name. */
  readonly onChanged: () => void;
};

/** Finds the part of the page. */
export function createPerson({ transport, drafts, question, onChanged }: Surroundings): Person {
  const api = createApi(transport);
  const section = byId("person", HTMLElement);
  const nobody = byId("nobody", HTMLElement);
  const notice = byId("person-notice", HTMLElement);
  const content = byId("person-content", HTMLElement);
  const name = byId("name", HTMLElement);
  const showFacts = createPersonFacts();
  const history = createHistory(transport);
  const report: Report = { begin, stored, outdated, removed };
  const tools: Tools = { api, report, question, drafts };
  const cards = [
    createProfileCard(tools),
    createAccountCard(tools),
    createMetadataCard(tools),
    createAccessCard(tools),
  ];
  const reader = createPersonReader(api, { found, failed });
  /** Who is shown, or will be when the server has answered. */
  let wanted = "";

  async function found(user: User, permissions: Permissions, signal: AbortSignal): Promise<void> {
    showFacts(user);
    content.hidden = false;
    say(notice, "");
    if (user.type.case === "human") void history.show(user.id, signal);
    await Promise.all(cards.map((card) => card.show(user, permissions, signal)));
  }

  function failed(text: string): void {
    content.hidden = true;
    say(notice, text);
  }

  function begin(): void {
    for (const outcome of content.querySelectorAll(".saved")) outcome.textContent = "";
    for (const problem of content.querySelectorAll<HTMLElement>(
      ".card > .notice, #access > .notice",
    ))
      say(problem, "");
  }

  async function stored(userId: string, where: HTMLElement, text: string): Promise<boolean> {
    onChanged();
    if (userId !== wanted) return false;
    await reader.read(userId);
    if (userId !== wanted) return false;
    if (content.hidden) say(notice, `${text} ${notice.textContent}`);
    else where.textContent = text;
    return !content.hidden;
  }

  async function outdated(userId: string, where: HTMLElement): Promise<void> {
    onChanged();
    if (userId !== wanted) return;
    await reader.read(userId);
    if (userId !== wanted || content.hidden) return;
    say(
      where,
      "Somebody else has changed this person meanwhile, and nothing was done. You see now what is stored: repeat it if it is still right.",
    );
  }

  async function removed(userId: string, text: Sentence): Promise<void> {
    onChanged();
    if (userId !== wanted) return;
    await reader.read(userId);
    if (userId !== wanted || !content.hidden) return;
    say(notice, text);
    notice.focus();
  }

  return {
    async show(userId) {
      wanted = userId;
      for (const card of cards) card.reset();
      begin();
      say(notice, "");
      content.hidden = true;
      section.hidden = userId === "";
      nobody.hidden = userId !== "";
      if (userId === "") reader.cancel();
      else await reader.read(userId);
    },
    focus: () => (content.hidden ? notice : name).focus(),
  };
}
