/** Where the variants of a call have come to, by port: each server gets all of them, again and again. */
const turns = new Map<number, { at: number }>();

/** Shared by all connections to a port, and kept when they are closed. */
export function turnOf(port: number): { at: number } {
  const known = turns.get(port);
  if (known !== undefined) return known;
  const turn = { at: 0 };
  turns.set(port, turn);
  return turn;
}
