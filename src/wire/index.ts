export { peerKey } from "./call.ts";
export type { Outcome, WireOptions } from "./dispatch.ts";
export type { Answer, RequestHead } from "./exchange.ts";
export { jsonAnswer } from "./http-answers.ts";
export type { Limits } from "./limits.ts";
export { createListener, type Listener, type ListenOptions } from "./listener.ts";
