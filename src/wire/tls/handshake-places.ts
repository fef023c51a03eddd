import { createShares, type Share } from "../bounds/shares.ts";
import type { ClientLimits } from "../limits.ts";
import { ClientQueues } from "../turns/client-queues.ts";
import { createWorkTurns } from "../turns/work-turns.ts";

/** A connection whose handshake waits for a place, or has one. */
export type Applicant = {
  /** See `addressGroup`. */
  readonly client: string;
  /** There is a place: begin the handshake. */
  begin(): void;
  /** Another client needs the place. */
  end(): void;
};

/**
 * Begins a handshake at once if there is a place for it, and when there is one otherwise.
 *
 * @returns To be called when the handshake is over, or the connection closed. May be called again.
 */
export type TakeHandshakePlace = (applicant: Applicant) => () => void;

/**
 * A connection takes some 85 KB outside of the heap while its handshake is under way, and much of that stays with the
 * process: the C library seldom gives it back. So only some have their handshakes at a time. The others wait with the few
 * bytes that they have sent, and clients take turns. How long a handshake or a wait may take is limited in `tls-server.ts`.
 */
export function createHandshakePlaces({
  maxHandshakes,
  maxHandshakesEach,
}: Pick<ClientLimits, "maxHandshakes" | "maxHandshakesEach">): TakeHandshakePlace {
  const shares = createShares(maxHandshakes, maxHandshakesEach);
  const places = new Map<Applicant, Share>();
  const waiting = new ClientQueues<Applicant>();
  // Many places may become free at once, and the first step of a handshake takes up to a few milliseconds.
  const takeTurn = createWorkTurns();

  function take(applicant: Applicant): boolean {
    const { client } = applicant;
    const place = shares.take(client, 1, () => {
      places.delete(applicant);
      applicant.end();
    });
    if (place === undefined) return false;
    places.set(applicant, place);
    return true;
  }

  function leave(applicant: Applicant): void {
    if (waiting.delete(applicant.client, applicant)) return;
    const place = places.get(applicant);
    if (place === undefined) return;
    places.delete(applicant);
    place.end();
    const next = waiting.next(take);
    if (next === undefined) return;
    takeTurn(next.client, () => {
      if (places.has(next)) next.begin();
    });
  }

  return (applicant) => {
    if (take(applicant)) applicant.begin();
    else waiting.add(applicant.client, applicant);
    return () => leave(applicant);
  };
}
