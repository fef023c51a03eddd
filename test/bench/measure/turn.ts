/** Which variant of the call comes next, by port. Each server gets all variants, again and again. */
const turns = new Map<number, { at: number }>();

/** Shared by all connections to a port, and kept when they are closed. */
export function turnOf(port: number): { at: number } {
  const known = turns.get(port);
  if (known !== undefined) return known;
  const turn = { at: 0 };
  turns.set(port, turn);
  return turn;
}
