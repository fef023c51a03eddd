import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Change } from "../../../gen/zitadel/change_pb.ts";
import type { Api } from "../api.ts";
import { byId, fromTemplate, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { dateText, numberText } from "../wording.ts";

/** Shows the changes of a user, the latest first. */
export interface History {
  show(userId: string, signal: AbortSignal): Promise<void>;
}

const pageSize = 20;

/** Finds the history in the page. */
export function createHistory(api: Api): History {
  const notice = byId("history-notice", HTMLElement);
  const timeline = byId("timeline", HTMLOListElement);
  const more = byId("more-changes", HTMLButtonElement);
  const template = byId("change-template", HTMLTemplateElement);
  /** Shows the changes before the earliest one that is shown. */
  let showEarlier = async () => {};

  async function showPage(userId: string, query: object, signal: AbortSignal): Promise<void> {
    timeline.ariaBusy = "true";
    say(notice, "");
    try {
      const { result } = await api.listUserChanges({ userId, query }, { signal });
      // The API sends a range in ascending order, but the latest change is shown first.
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
      who: editorDisplayName || editorId || "unknown",
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
 * A query for the newest changes up to a sequence. The API can only be asked for the changes after a
 * sequence. Sequences have no gaps, so the beginning of the page can be computed.
 */
function rangeUpTo(last: bigint) {
  const limit = last < pageSize ? Number(last) : pageSize;
  return { sequence: last - BigInt(limit), limit, asc: true };
}
