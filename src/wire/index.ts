/**
 * Serve Connect services over gRPC, gRPC-Web, Connect and REST on one port.
 *
 * Routes, handlers, interceptors, context values and errors are those of `@connectrpc/connect`. This adds
 * three things: `google.api.http` rules make REST paths, every call has a deadline that is enforced, and
 * every request stays within limits, whatever it looks like.
 */

export { addressGroup } from "./bounds/client-address.ts";
export type { RequestGate } from "./call.ts";
export { peerKey, requestIdKey, waiterKey } from "./call-context.ts";
export type { Answer, RequestHead } from "./http/exchange.ts";
export { jsonAnswer } from "./http/http-answers.ts";
export { createStaticPage, createStaticPages } from "./http/static-pages.ts";
export type { ClosedConnection } from "./http2/close-reason.ts";
export type { Limits } from "./limits.ts";
export { createListener, type Listener, type ListenOptions, type Load } from "./listener.ts";
export type { WireOptions } from "./options.ts";
export type { Outcome, Trace, TracedCall } from "./outcome.ts";
export type { TlsFiles } from "./tls/tls-server.ts";
