import type { DescMethod, Registry } from "@bufbuild/protobuf";
import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { RequestGate } from "./call.ts";
import type { Page } from "./http/static-pages.ts";
import type { ClosedConnection } from "./http2/close-reason.ts";
import type { ClientLimits, Limits } from "./limits.ts";
import type { Outcome, Trace, TracedCall } from "./outcome.ts";

/** What is served, to whom, and within which limits. */
export type WireOptions = {
  /** Registers services, as with any Connect server. */
  readonly routes: (router: ConnectRouter) => void;
  /** Decides which calls are let in. Default: every call. */
  readonly requestGate?: RequestGate;
  /** Around the handlers of calls that were let in. The first is the outermost. */
  readonly interceptors: readonly Interceptor[];
  /** The messages that a `google.protobuf.Any` may contain, for JSON. Default: none. */
  readonly registry?: Registry;
  /**
   * By the full name of a service, what stands before each path of its `google.api.http` rules, such as
   * `/management/v1`. Default: nothing.
   */
  readonly restPrefixes?: Readonly<Record<string, string>>;
  /**
   * HTTP statuses on REST by the reason of the `google.rpc.ErrorInfo` that an error brings, in place of the status that
   * its code has everywhere. Default: none.
   */
  readonly restStatuses?: Readonly<Record<string, number>>;
  readonly limits: Limits;
  /** For methods whose requests have a smaller limit than `limits.maxMessageBytes`. Default: there is none. */
  readonly maxMessageBytesOf?: (method: DescMethod) => number | undefined;
  /** For unary methods that may hold up the event loop for milliseconds. Default: there is none. */
  readonly isHeavy?: (method: DescMethod) => boolean;
  /** What clients may hold at once. Default of each field: `clientLimits` in `limits.ts`. */
  readonly clientLimits?: Partial<ClientLimits>;
  /**
   * Addresses and CIDR ranges of proxies: from them, and from nobody else, the client's address is
   * taken from `Forwarded` or `X-Forwarded-For`. Default: none.
   */
  readonly trustedProxies?: readonly string[];
  readonly cors: {
    /** Compared character by character; `*` allows every origin; empty allows none. */
    readonly origins: readonly string[];
    /** Headers that a page may send, beside those of the RPC protocols. */
    readonly requestHeaders: readonly string[];
    /** Headers that a page may read, beside those of the RPC protocols. */
    readonly answerHeaders: readonly string[];
  };
  /** On every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** The domain in the `google.rpc.ErrorInfo` of errors that bring none themselves. Default: they get none. */
  readonly errorDomain?: string;
  /** Plain pages by path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, Page>;
  /** What a POST to a path does, whatever its body is. Default: nothing. */
  readonly actions?: ReadonlyMap<string, Page> | undefined;
  /** Called for every request when it is answered, also for those that reach no handler. */
  readonly observe: (outcome: Outcome) => void;
  /** Called for every HTTP/2 connection that the server ends. Default: nothing. */
  readonly observeClose?: ((closed: ClosedConnection) => void) | undefined;
  /** Called ten times a second with how late the event loop is, in milliseconds. Default: nothing. */
  readonly observeLag?: (lateMs: number) => void;
  /**
   * Calls are refused when the event loop was later than this twice in a row. Infinity: never for that
   * reason, for a server that shares its event loop with other code. Default: 500.
   */
  readonly maxLagMs?: number | undefined;
  /** Called for every call as soon as its method is known. Default: nothing. */
  readonly trace?: ((call: TracedCall) => Trace) | undefined;
};
