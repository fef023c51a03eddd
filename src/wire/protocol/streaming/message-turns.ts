import { TurnEnd } from "../../turns/turn-end.ts";

/** Messages of all streams that are handled in one turn of the event loop: a few milliseconds. */
const messagesATurn = 16;

/**
 * Let streams take turns, message by message. Otherwise all messages that have come on a stream would be handled without a
 * pause, because nothing between two of them waits for a socket, and nobody else would be served meanwhile.
 *
 * @returns To be called before each message: `undefined` if it may be handled now; otherwise resolves in the turn in
 *   which it may. Streams are served in the order in which they asked.
 */
export function createMessageTurns(): () => Promise<void> | undefined {
  let left = messagesATurn;
  /** One of each stream at most. */
  const waiting: (() => void)[] = [];
  const turnEnd = new TurnEnd(() => {
    left = messagesATurn;
    for (const begin of waiting.splice(0, messagesATurn)) {
      left -= 1;
      begin();
    }
    if (left < messagesATurn) turnEnd.soon();
  });

  return () => {
    turnEnd.soon();
    if (left > 0) {
      left -= 1;
      return undefined;
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
}
