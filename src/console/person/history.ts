import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { type Change, UserService } from "../../../gen/giraffe/v1/user_service_pb.ts";
import { byId, fromTemplate, say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import { dateText, numberText } from "../wording.ts";
import { changedFieldFrom } from "./changed-fields.ts";

/** Shows the changes of a user, the latest first, with the values before and after. */
export interface History {
  show(userId: string, signal: AbortSignal): Promise<void>;
}

const pageSize = 20;

/** The server may answer with fewer changes than there are, and with none. It is asked again so often. */
const maxCalls = 10;

/** Finds the history in the page. */
export function createHistory(transport: Transport): History {
  const users = createClient(UserService, transport);
  const notice = byId("history-notice", HTMLElement);
  const timeline = byId("timeline", HTMLOListElement);
  const more = byId("more-changes", HTMLButtonElement);
  const template = byId("change-template", HTMLTemplateElement);
  const valueTemplate = byId("value-template", HTMLTemplateElement);
  /** Shows the changes before the earliest one that is shown. */
  let showEarlier = async () => {};

  async function showPage(userId: string, sequence: bigint, signal: AbortSignal): Promise<void> {
    timeline.ariaBusy = "true";
    say(notice, "");
    let next = sequence;
    try {
      let left = pageSize;
      for (let calls = 0; calls < maxCalls && left > 0; calls += 1) {
        const answer = await users.listChanges({ userId, sequence: next, limit: left }, { signal });
        timeline.append(...answer.changes.map(itemFrom));
        left -= answer.changes.length;
        next = answer.nextSequence;
        if (next === 0n) break;
      }
    } catch (error) {
      const { text, isCanceled } = problemFrom(error);
      if (isCanceled) return;
      say(notice, text);
    }
    // After a failure, too: what was shown before it is not shown again.
    more.hidden = next === 0n;
    showEarlier = () => showPage(userId, next, signal);
    timeline.ariaBusy = null;
  }

  function itemFrom(change: Change): HTMLElement {
    const item = fromTemplate(template, {
      what: change.message || change.eventType,
      who: change.editorName || change.editorId || "the command line",
      when: dateText(change.time),
      version: `Version ${numberText(change.sequence)}`,
    });
    if (change.time !== undefined) {
      item
        .querySelector("time")
        ?.setAttribute("datetime", timestampDate(change.time).toISOString());
    }
    const values = change.fields.map((field) =>
      fromTemplate(valueTemplate, changedFieldFrom(field)),
    );
    item.querySelector(".values")?.append(...values);
    if (values.length === 0) item.querySelector(".values")?.remove();
    return item;
  }

  more.addEventListener("click", async () => {
    if (timeline.ariaBusy === "true") return;
    const { childElementCount } = timeline;
    await showEarlier();
    const first = timeline.children[childElementCount];
    if (first instanceof HTMLElement) first.focus();
  });

  return {
    async show(userId, signal) {
      timeline.replaceChildren();
      more.hidden = true;
      await showPage(userId, 0n, signal);
    },
  };
}
