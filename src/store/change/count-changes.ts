import type { AppendRow } from "./append-row.ts";

/** How the number of streams of an organization that have a status changes. */
export type CountChange = {
  readonly organization: string;
  readonly status: string;
  readonly by: number;
};

/** In the making. */
type Count = { -readonly [Name in keyof CountChange]: CountChange[Name] };

type Listed = Pick<AppendRow, "organization" | "status" | "statusBefore">;

/** What the rows of a transaction change, each number once. */
export function countChanges(rows: readonly Listed[]): CountChange[] {
  const changes = new Map<string, Count>();
  let latest: Count | undefined;
  const add = (organization: string, status: string | null | undefined, by: number) => {
    if (status === null || status === undefined) return;
    if (latest?.organization !== organization || latest.status !== status) {
      const place = JSON.stringify([organization, status]);
      latest = changes.get(place) ?? { organization, status, by: 0 };
      changes.set(place, latest);
    }
    latest.by += by;
  };
  for (const { organization, status, statusBefore } of rows) {
    if (statusBefore === undefined || statusBefore === status) continue;
    add(organization, statusBefore, -1);
    add(organization, status, 1);
  }
  return [...changes.values()].filter(({ by }) => by !== 0);
}
