import type { Api } from "./api.ts";
import { byId } from "./dom.ts";
import { type Found, findUsers } from "./find-users.ts";
import { problemFrom } from "./problem.ts";
import { createResultList } from "./result-list.ts";
import { numberText } from "./wording.ts";

/** Finds people by name, user name or e-mail, and lists them page by page. */
export interface Search {
  /** Ask again, for as many people as are shown. */
  refresh(): Promise<void>;
  /** Mark who is shown beside the list; the empty id marks nobody. */
  mark(userId: string): void;
  /** Move the focus to the field. */
  start(): void;
  /** Move the focus to the person that was marked last, or to the title. */
  focus(): void;
}

const pageSize = 20;

/** The server is asked when nobody has typed for so long, in milliseconds. */
const pauseMs = 200;

/** After so long without an answer the page says that it waits, in milliseconds. */
const patienceMs = 500;

/** Finds the search in the page. Asks nothing before `refresh`, or before somebody types. */
export function createSearch(api: Api): Search {
  const title = byId("people-title", HTMLElement);
  const form = byId("search", HTMLFormElement);
  const field = byId("query", HTMLInputElement);
  const found = byId("found", HTMLElement);
  const more = byId("more-people", HTMLButtonElement);
  const list = createResultList();
  let asking = new AbortController();
  let pause = 0;
  let patience = 0;

  async function ask(offset: number, limit = pageSize): Promise<void> {
    clearTimeout(pause);
    asking.abort();
    asking = new AbortController();
    list.setBusy(true);
    clearTimeout(patience);
    patience = setTimeout(() => {
      found.textContent = "Looking…";
    }, patienceMs);
    try {
      const page = { text: field.value, offset, limit };
      const answer = await findUsers(api, page, asking.signal);
      clearTimeout(patience);
      list.show(answer.users, offset === 0 ? "replace" : "append");
      found.textContent = foundText(answer, list.length(), field.value);
      more.hidden = list.length() >= answer.total;
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      clearTimeout(patience);
      found.textContent = text;
    }
    list.setBusy(false);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask(0);
  });
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => void ask(0), pauseMs);
  });
  more.addEventListener("click", () => void ask(list.length()));

  return {
    refresh: () => ask(0, Math.max(pageSize, list.length())),
    mark: list.mark,
    start: () => field.focus(),
    focus: () => (list.lastMarked() ?? title).focus(),
  };
}

/** How many people were found, and how many of them the list shows. */
function foundText({ total, isByBeginning }: Found, shown: number, query: string): string {
  const people = `${numberText(total)} ${total === 1 ? "person" : "people"}`;
  const some = shown < total ? `${numberText(shown)} of ${people}` : people;
  const nobody = query === "" ? "Nobody is here yet." : "Nobody found.";
  const text = total === 0 ? nobody : some;
  if (!isByBeginning) return text;
  const limit = "There are too many people to look inside names: only how they begin counts.";
  return total > 0 ? `${text}. ${limit}` : `${text} ${limit}`;
}
