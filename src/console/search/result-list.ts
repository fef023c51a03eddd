import type { User } from "../../../gen/zitadel/user_pb.ts";
import { byId, fromTemplate } from "../dom.ts";
import { hrefToUser } from "../route.ts";
import { personName, stateText } from "../wording.ts";

/** The list of the people who were found. Each item is a link to one of them. */
export interface ResultList {
  /** How many people are in it. */
  length(): number;
  /** Say whether more people are being looked for. */
  setBusy(isBusy: boolean): void;
  /** Put people in, after those that are there or instead of them. The one that is marked stays marked. */
  show(users: readonly User[], how: "append" | "replace"): void;
  /** Mark who is shown beside the list; the empty id marks nobody. */
  mark(userId: string): void;
  /** The link of the person that was marked last; `undefined` if it is not in the list. */
  lastMarked(): HTMLElement | undefined;
}

/** Finds the list in the page. */
export function createResultList(): ResultList {
  const list = byId("results", HTMLUListElement);
  const template = byId("result-template", HTMLTemplateElement);
  let current = "";
  let latest = "";

  const linkOf = (userId: string) =>
    list.querySelector<HTMLAnchorElement>(`a[data-user="${CSS.escape(userId)}"]`);

  function mark(userId: string): void {
    list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    current = userId;
    if (userId === "") return;
    latest = userId;
    linkOf(userId)?.setAttribute("aria-current", "true");
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
    link?.setAttribute("href", hrefToUser(id));
    link?.setAttribute("data-user", id);
    return item;
  }

  return {
    length: () => list.childElementCount,
    setBusy(isBusy) {
      list.ariaBusy = isBusy ? "true" : null;
    },
    show(users, how) {
      const items = users.map(itemFrom);
      if (how === "replace") list.replaceChildren(...items);
      else list.append(...items);
      mark(current);
      // Somebody has asked for more: go on reading where the list ended.
      if (how === "append") items[0]?.querySelector("a")?.focus();
    },
    mark,
    lastMarked: () => linkOf(latest) ?? undefined,
  };
}
