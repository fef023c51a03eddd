import type { Api } from "../api.ts";
import { byId } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { numberText } from "../wording.ts";
import { createFindUsers, type Found } from "./find-users.ts";
import { createResultList } from "./result-list.ts";
import { createSearchForm } from "./search-form.ts";
import type { Terms } from "./terms.ts";

/** Finds people or service accounts, and lists them page by page. */
export interface Search {
  /** Ask again, for as many people as are shown. */
  refresh(): Promise<void>;
  /** Look for what the address says, and mark who is shown beside the list; the empty id marks nobody. */
  follow(terms: Terms, userId: string): void;
  /** Look for what somebody types, at once. */
  settle(): void;
  /** Move the focus to the field. */
  start(): void;
  /** Move the focus to the person that was marked last, or to the title. */
  focus(): void;
}

const pageSize = 100;

/** The server sends no more at once. */
const maxPage = 1_000;

/** After so long without an answer the page says that it waits, in milliseconds. */
const patienceMs = 500;

/** Finds the search in the page. Asks nothing before `follow`, or before somebody types. */
export function createSearch(api: Api): Search {
  const title = byId("people-title", HTMLElement);
  const found = byId("found", HTMLElement);
  const more = byId("more-people", HTMLButtonElement);
  const list = createResultList();
  const form = createSearchForm(() => void ask(0));
  const find = createFindUsers(api);
  let asking = new AbortController();
  let patience = 0;
  let asked: Terms | undefined;

  async function ask(offset: number, limit = pageSize): Promise<void> {
    asking.abort();
    asking = new AbortController();
    const terms = form.read();
    asked = terms;
    title.textContent = terms.kind === "people" ? "People" : "Service accounts";
    list.setBusy(true);
    clearTimeout(patience);
    patience = setTimeout(() => {
      found.textContent = "Looking…";
    }, patienceMs);
    try {
      const answer = await find(terms, { offset, limit }, asking.signal);
      clearTimeout(patience);
      list.show(answer.users, offset === 0 ? "replace" : "append");
      found.textContent = foundText(answer, list.length(), terms);
      more.hidden = list.length() >= answer.total;
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      clearTimeout(patience);
      found.textContent = text;
    }
    list.setBusy(false);
  }

  more.addEventListener("click", () => void ask(list.length()));

  return {
    refresh: () => ask(0, Math.min(Math.max(pageSize, list.length()), maxPage)),
    follow(terms, userId) {
      list.mark(userId);
      form.fill(terms);
      const isSame = asked !== undefined && JSON.stringify(asked) === JSON.stringify(form.read());
      if (!isSame) void ask(0);
    },
    settle: form.settle,
    start: () => form.focus(),
    focus: () => (list.lastMarked() ?? title).focus(),
  };
}

const notes = {
  anywhere: "",
  beginnings: "There are too many people to look inside names: only how they begin counts.",
} as const;

/** How many were found, and how many of them the list shows. */
function foundText({ total, way }: Found, shown: number, { text, kind, state }: Terms): string {
  const [one, many] =
    kind === "people" ? ["person", "people"] : ["service account", "service accounts"];
  const all = `${numberText(total)} ${total === 1 ? one : many}`;
  const some = shown < total ? `${numberText(shown)} of ${all}` : all;
  const nobody = text === "" && state === "" ? "Nobody is here yet." : "Nobody found.";
  if (total === 0) return `${nobody} ${notes[way]}`.trim();
  return way === "anywhere" ? some : `${some}. ${notes[way]}`;
}
