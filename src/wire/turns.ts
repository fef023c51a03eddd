import type { Socket } from "node:net";

/** The requests of one connection. */
type Line = {
  isBusy: boolean;
  readonly waiting: ((done: () => void) => void)[];
  readonly done: () => void;
};

/**
 * Let the requests of one HTTP/1.1 connection wait for one another.
 *
 * A client may send requests ahead. They take effect in the order in which they were sent, one at a
 * time, and each begins in a turn of the event loop of its own: thousands in one packet must not stop
 * everybody else. Even the first begins only after Node has looked at what came in the same packet
 * behind its head: a body that is there already, or an error that has ended the connection.
 *
 * @returns Runs `serve` when it is the request's turn; the next one begins once `done` is called.
 */
export function createTurns(): (socket: Socket, serve: (done: () => void) => void) => void {
  const lines = new WeakMap<Socket, Line>();

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known !== undefined) return known;
    const line: Line = {
      isBusy: false,
      waiting: [],
      done() {
        const next = line.waiting.shift();
        if (next === undefined) line.isBusy = false;
        else setImmediate(next, line.done);
      },
    };
    lines.set(socket, line);
    return line;
  }

  return (socket, serve) => {
    const line = lineOf(socket);
    if (line.isBusy) {
      line.waiting.push(serve);
    } else {
      line.isBusy = true;
      setImmediate(serve, line.done);
    }
  };
}
