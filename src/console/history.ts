import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Change } from "../../gen/zitadel/change_pb.ts";
import type { Api } from "./api.ts";
import { byId, fromTemplate, say } from "./dom.ts";
import { problemFrom } from "./problem.ts";
import { dateText, numberText } from "./wording.ts";

/** Tells what happened to a user, the latest first. */
export interface History {
  show(userId: string, signal: AbortSignal): Promise<void>;
}

const pageSize = 20;

export function createHistory(api: Api): History {
  const notice = byId("history-notice", HTMLElement);
  const timeline = byId("timeline", HTMLOListElement);
  const more = byId("more-changes", HTMLButtonElement);
  const template = byId("change-template", HTMLTemplateElement);
  /** Shows the page before the one that is shown last. */
  let showEarlier = async () => {};

  async function showPage(userId: string, query: object, signal: AbortSignal): Promise<void> {
    timeline.ariaBusy = "true";
    say(notice, "");
    try {
      const { result } = await api.listUserChanges({ userId, query }, { signal });
      // A range comes in its own order; people read the latest first.
      const changes = result.sort((a, b) => Number(b.sequence - a.sequence));
      timeline.append(...changes.map(itemFrom));
      const before = (changes.at(-1)?.sequence ?? 1n) - 1n;
      more.hidden = before === 0n;
      showEarlier = () => showPage(userId, rangeUpTo(before), signal);
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      say(notice, text);
    }
    timeline.ariaBusy = null;
  }

  function itemFrom({ eventType, editorDisplayName, editorId, ...change }: Change): HTMLElement {
    const item = fromTemplate(template, {
      what: eventType?.localizedMessage || eventType?.key || "",
      who: editorDisplayName || editorId || "nobody known",
      when: dateText(change.changeDate),
      version: `Version ${numberText(change.sequence)}`,
    });
    if (change.changeDate !== undefined) {
      item
        .querySelector("time")
        ?.setAttribute("datetime", timestampDate(change.changeDate).toISOString());
    }
    return item;
  }

  more.addEventListener("click", async () => {
    const { childElementCount } = timeline;
    await showEarlier();
    const first = timeline.children[childElementCount];
    if (first instanceof HTMLElement) first.focus();
  });

  return {
    async show(userId, signal) {
      timeline.replaceChildren();
      more.hidden = true;
      await showPage(userId, { limit: pageSize }, signal);
    },
  };
}

/**
 * The newest changes up to a sequence. The API knows only those after one; sequences have no gaps, so
 * where the page begins can be counted.
 */
function rangeUpTo(last: bigint) {
  const limit = last < pageSize ? Number(last) : pageSize;
  return { sequence: last - BigInt(limit), limit, asc: true };
}
