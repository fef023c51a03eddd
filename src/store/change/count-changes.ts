import type { AppendRow } from "./append-row.ts";

/** How the number of streams of an organization that have a status changes. */
export type CountChange = {
  readonly organization: string;
  readonly status: string;
  readonly by: number;
};

type Listed = Pick<AppendRow, "organization" | "status" | "statusBefore">;

/** What the rows of a transaction change, each number once. */
export function countChanges(rows: readonly Listed[]): CountChange[] {
  const changes = new Map<string, CountChange>();
  const add = (organization: string, status: string | null | undefined, by: number) => {
    if (status === null || status === undefined) return;
    const place = JSON.stringify([organization, status]);
    const sum = (changes.get(place)?.by ?? 0) + by;
    changes.set(place, { organization, status, by: sum });
  };
  for (const { organization, status, statusBefore } of rows) {
    if (statusBefore === undefined || statusBefore === status) continue;
    add(organization, statusBefore, -1);
    add(organization, status, 1);
  }
  return [...changes.values()].filter(({ by }) => by !== 0);
}
