import { say } from "../dom.ts";
import { problemFrom } from "../problem.ts";
import type { Report } from "./report.ts";

/**
 * Make a change that a button asks for, and explain why it failed. While one of the same user is under way, another is
 * not begun: the page shows a version of the user that is not the latest any more.
 *
 * @param notice The element that gets the explanation.
 */
export type Attempt = (
  userId: string,
  notice: HTMLElement,
  change: () => Promise<void>,
) => Promise<void>;

/** @param isShown Whether the page is about a user. If not, it says nothing. */
export function createAttempt(report: Report, isShown: (userId: string) => boolean): Attempt {
  const underWay = new Set<string>();
  return async (userId, notice, change) => {
    if (underWay.has(userId)) return;
    underWay.add(userId);
    report.begin();
    try {
      await change();
    } catch (error) {
      const { reason, text } = problemFrom(error);
      if (reason === "VERSION_MISMATCH") await report.outdated(userId, notice);
      else if (isShown(userId)) say(notice, text);
    } finally {
      underWay.delete(userId);
    }
  };
}
