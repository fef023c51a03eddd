import type { User } from "../../gen/zitadel/user_pb.ts";
import type { Api } from "./api.ts";
import { byId, fromTemplate } from "./dom.ts";
import { type Found, findUsers } from "./find-users.ts";
import { problemFrom } from "./problem.ts";
import { hrefOf } from "./route.ts";
import { numberText, personName, stateText } from "./wording.ts";

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

/** So long must typing pause before the server is asked, in milliseconds. */
const pauseMs = 200;

/** After so long without an answer the page says that it waits, in milliseconds. */
const patienceMs = 500;

export function createSearch(api: Api): Search {
  const title = byId("people-title", HTMLElement);
  const form = byId("search", HTMLFormElement);
  const field = byId("query", HTMLInputElement);
  const found = byId("found", HTMLElement);
  const list = byId("results", HTMLUListElement);
  const more = byId("more-people", HTMLButtonElement);
  const template = byId("result-template", HTMLTemplateElement);
  let asking = new AbortController();
  let pause = 0;
  let patience = 0;
  let lastMarked = "";
  let current = "";

  async function ask(offset: number, limit = pageSize): Promise<void> {
    clearTimeout(pause);
    asking.abort();
    asking = new AbortController();
    list.ariaBusy = "true";
    clearTimeout(patience);
    patience = setTimeout(() => {
      found.textContent = "Looking…";
    }, patienceMs);
    try {
      const page = { text: field.value, offset, limit };
      const answer = await findUsers(api, page, asking.signal);
      clearTimeout(patience);
      const items = answer.users.map(itemFrom);
      if (offset === 0) list.replaceChildren(...items);
      else list.append(...items);
      show(answer);
      if (offset > 0) items[0]?.querySelector("a")?.focus();
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      clearTimeout(patience);
      found.textContent = text;
    }
    list.ariaBusy = null;
  }

  function show({ total, isByBeginning }: Found): void {
    const shown = list.childElementCount;
    const people = `${numberText(total)} ${total === 1 ? "person" : "people"}`;
    found.textContent = shown < total ? `${numberText(shown)} of ${people}` : people;
    if (total === 0)
      found.textContent = field.value === "" ? "Nobody is here yet." : "Nobody found.";
    if (isByBeginning) {
      if (total > 0) found.textContent += ".";
      found.textContent +=
        " There are too many people to look inside names: only how they begin counts.";
    }
    more.hidden = shown >= total;
    mark(current);
  }

  function itemFrom(user: User): HTMLElement {
    const { id, userName, type, state } = user;
    const email = type.case === "human" ? (type.value.email?.email ?? "") : "";
    const item = fromTemplate(template, {
      name: personName(user),
      state: stateText(state),
      userName,
      email: email === userName ? "" : email,
    });
    const link = item.querySelector("a");
    link?.setAttribute("href", hrefOf(id));
    return item;
  }

  const linkOf = (userId: string) =>
    list.querySelector<HTMLAnchorElement>(`a[href="${CSS.escape(hrefOf(userId))}"]`);

  function mark(userId: string): void {
    list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    current = userId;
    if (userId === "") return;
    lastMarked = userId;
    linkOf(userId)?.setAttribute("aria-current", "true");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask(0);
  });
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => void ask(0), pauseMs);
  });
  more.addEventListener("click", () => void ask(list.childElementCount));

  return {
    refresh: () => ask(0, Math.max(pageSize, list.childElementCount)),
    mark,
    start: () => field.focus(),
    focus: () => (linkOf(lastMarked) ?? title).focus(),
  };
}
