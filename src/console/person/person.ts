import type { Transport } from "@connectrpc/connect";
import type { User } from "../../../gen/zitadel/user_pb.ts";
import { createApi } from "../api.ts";
import { byId, say } from "../dom.ts";
import type { Drafts } from "../form/drafts.ts";
import type { Question } from "../question.ts";
import { createAccessCard } from "./access-card.ts";
import { createAccountCard } from "./account-card.ts";
import { createAttempt } from "./attempt.ts";
import { createHistory } from "./history.ts";
import { createMetadataCard } from "./metadata/metadata-card.ts";
import { createPageReport } from "./page-report.ts";
import type { Permissions } from "./permissions.ts";
import { createPersonFacts } from "./person-facts.ts";
import { createPersonReader } from "./person-reader.ts";
import { createProfileCard } from "./profile-card.ts";
import type { Tools } from "./report.ts";

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
  const report = createPageReport({ content, notice, readAgain });
  const attempt = createAttempt(report, (userId) => userId === wanted);
  const tools: Tools = { api, report, attempt, question, drafts };
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

  /** Read a user again who was changed. @returns Whether the page is about them still. */
  async function readAgain(userId: string): Promise<boolean> {
    onChanged();
    if (userId !== wanted) return false;
    await reader.read(userId);
    return userId === wanted;
  }

  return {
    async show(userId) {
      wanted = userId;
      for (const card of cards) card.reset();
      report.begin();
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
