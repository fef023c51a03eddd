import type { Metadata } from "../../../../gen/zitadel/metadata_pb.ts";
import type { Api } from "../../api.ts";
import { byId, fromTemplate, say } from "../../dom.ts";
import { problemFrom } from "../../problem.ts";
import { numberText, sizeText } from "../../wording.ts";
import { textFrom } from "./metadata-value.ts";

/** The metadata of a user, by key, page by page. */
export interface MetadataList {
  /**
   * Ask for as many entries as are shown, or the first page if somebody else is shown.
   *
   * @param mayWrite Whether entries get buttons.
   */
  show(userId: string, mayWrite: boolean, signal: AbortSignal): Promise<void>;
  /** The button that changes an entry; `undefined` if it is not in the list. */
  changeButtonOf(key: string): HTMLElement | undefined;
}

/** A text with more UTF-16 units or lines may be higher than its box, which then scrolls. */
const maxUnits = 200;
const maxLines = 5;
const pageSize = 20;
/** The server sends no more at once. */
const maxPage = 1_000;

type Actions = {
  change(key: string, text: string): void;
  remove(key: string): void;
};

/** Finds the list in the page. */
export function createMetadataList(api: Api, actions: Actions): MetadataList {
  const notice = byId("metadata-notice", HTMLElement);
  const count = byId("metadata-count", HTMLElement);
  const list = byId("metadata-list", HTMLUListElement);
  const more = byId("more-metadata", HTMLButtonElement);
  const template = byId("metadata-template", HTMLTemplateElement);
  let shown = "";
  let showMore = async () => {};

  async function showPage(
    userId: string,
    mayWrite: boolean,
    { offset, limit }: { readonly offset: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<void> {
    list.ariaBusy = "true";
    try {
      const query = { offset: BigInt(offset), limit, asc: true };
      const { result, details } = await api.listUserMetadata({ id: userId, query }, { signal });
      const items = result.map((entry) => itemFrom(entry, mayWrite));
      if (offset === 0) list.replaceChildren(...items);
      else list.append(...items);
      const total = Number(details?.totalResult ?? 0n);
      say(count, countText(list.childElementCount, total));
      more.hidden = list.childElementCount >= total;
      const next = { offset: list.childElementCount, limit: pageSize };
      showMore = () => showPage(userId, mayWrite, next, signal);
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      say(notice, text);
    }
    list.ariaBusy = null;
  }

  function itemFrom({ key, value }: Metadata, mayWrite: boolean): HTMLElement {
    const text = textFrom(value);
    const item = fromTemplate(template, { key, value: text ?? sizeText(value.length) });
    item.dataset.key = key;
    const valueBox = item.querySelector<HTMLElement>("[data-slot=value]");
    if (text === undefined) valueBox?.classList.add("binary");
    // What scrolls must be within reach of the keyboard.
    else if (isHigh(text)) valueBox?.setAttribute("tabindex", "0");
    bind(item, "change", key, mayWrite && text !== undefined, () =>
      actions.change(key, text ?? ""),
    );
    bind(item, "remove", key, mayWrite, () => actions.remove(key));
    return item;
  }

  more.addEventListener("click", async () => {
    if (list.ariaBusy === "true") return;
    const { childElementCount } = list;
    await showMore();
    const first = list.children[childElementCount];
    if (first instanceof HTMLElement) first.focus();
  });

  return {
    async show(userId, mayWrite, signal) {
      if (userId !== shown) {
        list.replaceChildren();
        more.hidden = true;
        say(count, "");
        say(notice, "");
      }
      shown = userId;
      const limit = Math.min(Math.max(pageSize, list.childElementCount), maxPage);
      await showPage(userId, mayWrite, { offset: 0, limit }, signal);
    },
    changeButtonOf(key) {
      const item = [...list.children].find((each) => (each as HTMLElement).dataset.key === key);
      return item?.querySelector<HTMLElement>(".change") ?? undefined;
    },
  };
}

function isHigh(text: string): boolean {
  return text.length > maxUnits || text.split("\n").length > maxLines;
}

/** Give a button of an entry its name and what it does, or take it away. */
function bind(
  item: HTMLElement,
  what: "change" | "remove",
  key: string,
  isShown: boolean,
  act: () => void,
): void {
  const button = item.querySelector<HTMLElement>(`.${what}`);
  if (button === null) return;
  if (!isShown) button.remove();
  button.ariaLabel = `${button.textContent} ${key}`;
  button.addEventListener("click", act);
}

/** How many entries there are, and how many of them are shown. */
function countText(shown: number, total: number): string {
  if (total === 0) return "There is none.";
  const entries = `${numberText(total)} ${total === 1 ? "entry" : "entries"}`;
  return shown < total ? `${numberText(shown)} of ${entries}` : entries;
}
