import { createServer as createHttp1 } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { Server } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { HttpVersion } from "../protocols.ts";
import { passThrough, registerProfile } from "./connect-service.ts";

/** The stock adapter, as its documentation mounts it. */
export function createConnectNode(version: HttpVersion): Server {
  const handler = connectNodeAdapter({ routes: registerProfile, interceptors: [passThrough] });
  return version === "1.1" ? createHttp1(handler) : createHttp2(handler);
}
