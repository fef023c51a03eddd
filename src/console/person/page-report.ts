import { say } from "../dom.ts";
import type { Report } from "./report.ts";

/** The page of one user, which says what has become of a change. */
type Page = {
  /** Hidden if there is nobody to show. */
  readonly content: HTMLElement;
  /** Outside of the content. */
  readonly notice: HTMLElement;
  /**
   * Read a user again who was changed, and show them.
   *
   * @returns Whether the page is about them still. If not, it says nothing about the change.
   */
  readonly readAgain: (userId: string) => Promise<boolean>;
};

/** Says on the page of a user what has become of changes. */
export function createPageReport({ content, notice, readAgain }: Page): Report {
  return {
    begin() {
      for (const outcome of content.querySelectorAll(".saved")) outcome.textContent = "";
      for (const problem of content.querySelectorAll<HTMLElement>(
        ".card > .notice, #access > .notice",
      ))
        say(problem, "");
    },
    async stored(userId, where, text) {
      if (!(await readAgain(userId))) return false;
      if (content.hidden) say(notice, `${text} ${notice.textContent}`);
      else where.textContent = text;
      return !content.hidden;
    },
    async outdated(userId, where) {
      if (!(await readAgain(userId)) || content.hidden) return;
      say(
        where,
        "Somebody else has changed this person meanwhile, and nothing was done. You see now what is stored: repeat it if it is still right.",
      );
    },
    async removed(userId, text) {
      if (!(await readAgain(userId)) || !content.hidden) return;
      say(notice, text);
      notice.focus();
    },
  };
}
