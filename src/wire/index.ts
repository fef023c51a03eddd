/**
 * Serve Connect services over gRPC, gRPC-Web, Connect and REST on one port.
 *
 * The programming model is `@connectrpc/connect`'s: routes, handlers, interceptors, context values
 * and errors. What is added: `google.api.http` rules make REST paths, every call has a deadline that
 * is enforced, and every request stays within limits, whatever it looks like.
 */
export type { RequestGate } from "./call.ts";
export { peerKey } from "./call-context.ts";
export type { Outcome, Trace, TracedCall, WireOptions } from "./dispatch.ts";
export type { Answer, RequestHead } from "./exchange.ts";
export { jsonAnswer } from "./http-answers.ts";
export type { Limits } from "./limits.ts";
export { createListener, type Listener, type ListenOptions, type Load } from "./listener.ts";
export { createStaticPage, createStaticPages } from "./static-pages.ts";
export type { TlsFiles } from "./tls.ts";
