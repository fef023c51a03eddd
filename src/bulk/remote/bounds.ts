import { BulkError } from "../bulk-error.ts";

/** A server whose answers have more people is not read to its end. */
export const maxPeople = 100_000_000;

/** A server may add so many people while they are read, beside a tenth of those it had at first. */
const addedPeople = 10_000;

/** The number of people that a server says it has. @throws BulkError if it is no number. */
export function totalFrom(text: string): number {
  const total = Number(text || "0");
  if (Number.isSafeInteger(total) && total >= 0) return total;
  throw new BulkError(
    `the server answers ${JSON.stringify(text.slice(0, 100))} as a number of users`,
  );
}

/**
 * Watch pages that are read one after another, so that reading them ends.
 *
 * @returns To be told the ids of each page. It throws BulkError if there are more people than the server said, or if
 *   a page is one that came before.
 */
export function createPageWatch(total: number): (ids: readonly string[]) => void {
  const most = Math.min(maxPeople, Math.ceil(total * 1.1) + addedPeople);
  let [people, pages, keptUntil] = [0, 0, 1];
  let kept = "";
  return (ids) => {
    people += ids.length;
    if (people > most) {
      throw new BulkError(`the server answers more users than the ${total} that it says it has`);
    }
    const page = JSON.stringify(ids);
    if (page === kept) throw new BulkError("the server answers the same users again and again");
    pages += 1;
    if (pages < keptUntil) return;
    // A circle of any length is found, because the page that is kept is kept twice as long each time (Brent).
    kept = page;
    keptUntil = 2 * pages;
  };
}

/** @throws BulkError if a list has more entries than were asked for. */
export function assertWithin(entries: readonly unknown[], limit: number): void {
  if (entries.length <= limit) return;
  throw new BulkError(
    `the server answers ${entries.length} entries where at most ${limit} were asked for`,
  );
}
