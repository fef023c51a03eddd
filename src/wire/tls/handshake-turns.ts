import { ClientQueues } from "../turns/client-queues.ts";

/** Connections whose handshakes are under way and that are read at the same time. */
const maxRead = 4;

/** How long they are read before others are, if others wait, in milliseconds. */
const windowMs = 1;

/** A connection whose handshake is under way. */
export type Handshake = {
  /** See `addressGroup`. */
  readonly client: string;
  /** Read it, and take every step of the handshake at once. */
  read(): void;
  /** Leave with the system what comes. */
  hold(): void;
};

/**
 * Reads a connection in its turns.
 *
 * @param handshake It is being read.
 * @returns To be called when the handshake is over. A connection that is still open is read from then on.
 */
export type TakeHandshakeTurns = (handshake: Handshake) => () => void;

/**
 * A step of a TLS handshake takes up to some milliseconds, and Node takes it as soon as its bytes are there. So only a few
 * connections are read while their handshakes are under way, and the others wait. Nobody can tell whether there is
 * something to read on those that wait. Therefore all are read in turn, clients by turns, each for a moment: one that sends
 * nothing keeps its place for no longer.
 *
 * @param later Runs a function once, after all that are being read were read at least once.
 */
export function createHandshakeTurns(
  later: (run: () => void) => void = (run) => void setTimeout(run, windowMs),
): TakeHandshakeTurns {
  const read = new Set<Handshake>();
  const waiting = new ClientQueues<Handshake>();
  let isDue = false;

  function endWindowLater(): void {
    if (isDue || waiting.isEmpty) return;
    isDue = true;
    later(endWindow);
  }

  function endWindow(): void {
    isDue = false;
    if (waiting.isEmpty) return;
    const before = [...read];
    read.clear();
    // Those that were read come behind those that wait.
    for (const handshake of before) waiting.add(handshake.client, handshake);
    while (read.size < maxRead && !waiting.isEmpty) readNext();
    for (const handshake of before) if (!read.has(handshake)) handshake.hold();
    endWindowLater();
  }

  function readNext(): void {
    const handshake = waiting.next();
    if (handshake === undefined) return;
    read.add(handshake);
    handshake.read();
  }

  function leave(handshake: Handshake): void {
    if (read.delete(handshake)) return;
    if (waiting.delete(handshake.client, handshake)) handshake.read();
  }

  return (handshake) => {
    if (read.size < maxRead) {
      read.add(handshake);
    } else {
      handshake.hold();
      waiting.add(handshake.client, handshake);
      endWindowLater();
    }
    return () => leave(handshake);
  };
}
