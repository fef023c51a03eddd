import { createListener } from "../../../src/wire/index.ts";
import { method, restPrefix } from "../protocols.ts";
import { passThrough, registerProfile } from "./connect-service.ts";

/** Our own lane. One listener speaks every protocol and version. */
export async function listenGiraffe(): Promise<number> {
  const listener = createListener({
    routes: registerProfile,
    interceptors: [passThrough],
    restPrefixes: { [method.parent.typeName]: restPrefix },
    limits: { maxMessageBytes: 65_536, defaultDeadlineMs: 10_000, maxDeadlineMs: 60_000 },
    cors: { origins: [], requestHeaders: [], answerHeaders: [] },
    headers: {},
    errorDomain: "bench",
    pages: new Map(),
    observe: () => {},
  });
  const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
  return port;
}
