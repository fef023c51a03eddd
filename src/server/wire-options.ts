import { createRegistry } from "@bufbuild/protobuf";
import type { Config } from "../config/config.ts";
import { errorDomain, errorMessages, restStatuses } from "../rpc/errors.ts";
import {
  createInterceptors,
  createRequestGate,
  createRoutes,
  isHeavy,
  maxMessageBytesOf,
  type RpcParts,
  restPrefixes,
} from "../rpc/routes.ts";
import type { WireOptions } from "../wire/index.ts";

/** What is served over RPC, to whom, and within which limits. */
export function wireOptions(
  {
    corsOrigins,
    trustedProxies,
    maxMessageBytes,
    defaultDeadlineMs,
    maxDeadlineMs,
    deprecationHeaders,
  }: Config,
  parts: RpcParts,
) {
  return {
    routes: createRoutes(parts),
    requestGate: createRequestGate(parts),
    interceptors: createInterceptors(parts),
    restPrefixes,
    restStatuses,
    registry: createRegistry(...errorMessages),
    limits: { maxMessageBytes, defaultDeadlineMs, maxDeadlineMs },
    maxMessageBytesOf,
    isHeavy,
    trustedProxies,
    cors: {
      origins: corsOrigins === "*" ? ["*"] : corsOrigins,
      requestHeaders: [
        ...["Authorization", "X-Zitadel-Orgid", "X-Requested-With"],
        ...["If-Match", "Idempotency-Key", "Prefer"],
        ...["X-Giraffe-Allow-Unchanged", "X-Giraffe-Ignore-Accents"],
        ...["X-Giraffe-Update-Mask", "X-Giraffe-Validate-Only"],
      ],
      answerHeaders: [
        ...["Content-Length", "Retry-After", "X-Request-Id"],
        ...["ETag", "Idempotent-Replayed", "Preference-Applied"],
        ...["X-Giraffe-Changed", "X-Giraffe-Validated"],
        ...(deprecationHeaders ? ["Deprecation", "Link"] : []),
      ],
    },
    headers,
    errorDomain,
  } satisfies Partial<WireOptions>;
}

/** On every answer. An answer is for one caller at one moment, and its content type is right. */
const headers = {
  "cache-control": "no-store",
  expires: "0",
  pragma: "no-cache",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "none",
} as const;
