import { describe, expect, test } from "vitest";
import { createHistoryPage, type PlacedEvent } from "../../src/domain/history-page.ts";

const set = (key: string, value: string) => ({ type: "user.metadata.set", data: { key, value } });
const removedAll = { type: "user.metadata.removed.all", data: {} };

/** All changes of a history, whose first events are before the page. */
function changesOf(events: readonly PlacedEvent[], before: number, ascending: boolean) {
  const page = createHistoryPage<PlacedEvent>({
    ascending,
    limit: 100,
    maxText: 1_000,
    fields: new Set(),
    accepts: () => true,
  });
  const earlier = events.slice(0, before).toReversed();
  const onPage = events.slice(before);
  for (const event of ascending ? onPage : onPage.toReversed()) page.take(event);
  for (const event of earlier) page.takeEarlier(event);
  page.begin();
  const found = page.changes().map(({ differences }) => differences);
  return ascending ? found : found.toReversed();
}

const difference = (field: string, before: string | undefined, after: string | undefined) => [
  { field, before, after, isBeforeUnknown: false },
];

describe.each([{ ascending: true }, { ascending: false }])("ascending: $ascending", (options) => {
  test("metadata that was all removed had no value afterwards", () => {
    const events = [set("a", "MQ=="), set("b", "Mg=="), removedAll, set("a", "Mw=="), set("a", "")];
    expect(changesOf(events, 1, options.ascending)).toEqual([
      difference("metadata.b", undefined, "Mg=="),
      [],
      difference("metadata.a", undefined, "Mw=="),
      difference("metadata.a", "Mw==", ""),
    ]);
    expect(changesOf(events, 3, options.ascending)).toEqual([
      difference("metadata.a", undefined, "Mw=="),
      difference("metadata.a", "Mw==", ""),
    ]);
  });
});
