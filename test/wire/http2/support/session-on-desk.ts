import { createShares, type Shares } from "../../../../src/wire/bounds/shares.ts";
import { createUnsent, type Unsent } from "../../../../src/wire/bounds/unsent.ts";
import type { Exchange } from "../../../../src/wire/http/exchange.ts";
import type { ClosedConnection } from "../../../../src/wire/http2/close-reason.ts";
import { Http2Session } from "../../../../src/wire/http2/session.ts";
import { clientLimits } from "../../../../src/wire/limits.ts";
import { framesOf, type Http2Frame } from "../../raw.ts";
import { greeting } from "./requests.ts";

/** A session without a socket, with a clock and an event loop of its own. */
export type DeskSession = {
  readonly session: Http2Session;
  /** Requests that were dispatched. Nobody answers them but the test. */
  readonly requests: Exchange[];
  /** What the transport was told, beside bytes. */
  readonly told: string[];
  /** How many bytes each write had. */
  readonly writes: readonly number[];
  /** The answers of all sessions of the server that are being sent. */
  readonly unsent: Unsent;
  /** What all connections of the server have read and not handled. */
  readonly unhandled: Shares;
  /** Bytes that have come although reading is paused, and that the socket keeps. */
  unread: number;
  /** While true, the system takes nothing of what is written. */
  isStuck: boolean;
  /** The connections of the server that have more to be handled than fits into a turn. */
  readonly busy: Set<object>;
  /** Why the server has ended the connection. */
  readonly closed: ClosedConnection[];
  isDraining: boolean;
  isTaking: boolean;
  /** Bytes come in; then the turn of the event loop ends. */
  receive(...bytes: Uint8Array[]): void;
  /** So much time passes, and the session looks what is due. */
  pass(ms: number): void;
  /** End the turn of the event loop, once. @returns Whether something was to do. */
  endTurn(): boolean;
  /** The system takes everything. */
  take(): void;
  /** Everything that was sent since the last call. */
  sent(): Http2Frame[];
};

/** @param limits Default: those of the server. */
export function openOnDesk(limits: Partial<typeof clientLimits> = {}): DeskSession {
  const all = { ...clientLimits, ...limits };
  const told: string[] = [];
  const writes: number[] = [];
  const busy = new Set<object>();
  const closed: ClosedConnection[] = [];
  const requests: Exchange[] = [];
  let now = 1_000;
  let unsentBytes = 0;
  const unsent = createUnsent(all);
  const unhandled = createShares(all.maxUnhandledBytes, all.maxUnhandledBytesEach);
  let written: Buffer[] = [];
  let due: (() => void)[] = [];
  const endTurn = () => {
    const callbacks = due;
    due = [];
    for (const callback of callbacks) callback();
    return callbacks.length > 0;
  };
  const desk: DeskSession = {
    session: new Http2Session(
      {
        write(pieces) {
          const bytes = Buffer.concat(pieces);
          writes.push(bytes.byteLength);
          written.push(bytes);
          if (desk.isStuck) unsentBytes += bytes.byteLength;
        },
        unsent: () => unsentBytes,
        unread: () => desk.unread,
        pause: () => void told.push("pause"),
        resume: () => void told.push("resume"),
        end: () => void told.push("end"),
        destroy: () => void told.push("destroy"),
      },
      "192.0.2.1",
      {
        clientOf: (peer) => peer,
        groupOf: (address) => address,
        unsent,
        isDraining: () => desk.isDraining,
        isTaking: () => desk.isTaking,
        dispatch: (exchange) => void requests.push(exchange),
        requests: createShares(all.maxRequests, all.maxRequestsEach),
        bodies: createShares(all.maxBodyBytes, all.maxBodyBytesEach),
        unhandled,
        busy,
        observeClose: (each) => void closed.push(each),
        unsentTimeoutMs: all.unsentTimeoutMs,
        now: () => now,
        soon: (callback) => void due.push(callback),
        date: () => "Thu, 01 Jan 1970 00:00:01 GMT",
      },
    ),
    requests,
    told,
    writes,
    unsent,
    unhandled,
    unread: 0,
    busy,
    closed,
    isStuck: false,
    isDraining: false,
    isTaking: false,
    receive(...bytes) {
      desk.session.receive(Buffer.concat(bytes));
      while (endTurn());
    },
    pass(ms) {
      now += ms;
      desk.session.look();
      while (endTurn());
    },
    endTurn,
    take() {
      unsentBytes = 0;
      desk.session.taken();
      while (endTurn());
    },
    sent() {
      const bytes = Buffer.concat(written);
      written = [];
      return framesOf(bytes.toString("latin1"));
    },
  };
  return desk;
}

/** A session that has had its greeting, and what it has answered is forgotten. */
export function greetOnDesk(limits: Partial<typeof clientLimits> = {}): DeskSession {
  const desk = openOnDesk(limits);
  desk.receive(greeting);
  desk.sent();
  return desk;
}
