/** A number with what it counts, as people say it: `1 user`, `2 users`. */
export function counted(count: number, singular: string): string {
  return `${count} ${singular}${count === 1 ? "" : "s"}`;
}
