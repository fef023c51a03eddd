import type { Shares } from "../bounds/shares.ts";
import type { Exchange, ExchangeSite } from "../http/exchange.ts";
import type { ClosedConnection } from "./close-reason.ts";

/** What the connections of a server have in common. Times are in milliseconds. */
export type SessionSite = Pick<
  ExchangeSite,
  "clientOf" | "groupOf" | "unsent" | "unhandled" | "isDraining" | "isTaking"
> & {
  readonly dispatch: (exchange: Exchange) => void;
  /** Requests that are open, one each. */
  readonly requests: Shares;
  /** Bytes of bodies that have not arrived whole. */
  readonly bodies: Shares;
  /** Connections that have more frames than one turn of the event loop handles. */
  readonly busy: Set<object>;
  /** Called once for each connection that the server ends, as soon as it knows why. */
  readonly observeClose: (closed: ClosedConnection) => void;
  /** How long a client may take for what is left when its connection has ended. */
  readonly unsentTimeoutMs: number;
  /** Never goes back. */
  readonly now: () => number;
  /** Calls back at the end of this turn of the event loop. */
  readonly soon: (callback: () => void) => void;
  /** As the field `date` has it (RFC 9110, section 6.6.1). */
  readonly date: () => string;
};
