import type { Code } from "@connectrpc/connect";
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { type Call, isConnect, isJson } from "./call.ts";
import type { Reply } from "./reply.ts";

/** The answer of the stock adapter to a call that it refuses before a handler has seen it. */
export function refusal(call: Call, code: Code, message: string): Reply {
  const common = { trailers: {}, messages: [], error: { code, message, details: [] } };
  if (isConnect(call)) {
    const headers = { "content-type": "application/json" };
    return { ...common, status: codeToHttpStatus(code), headers, flags: [] };
  }
  const isWeb = call.protocol === "gRPC-Web";
  const type = `application/${isWeb ? "grpc-web" : "grpc"}+${isJson(call) ? "json" : "proto"}`;
  return { ...common, status: 200, headers: { "content-type": type }, flags: isWeb ? [0x80] : [] };
}

/** The same answer with another error; where there is none, nothing changes. */
export function withError(call: Call, reply: Reply, code: Code, message: string): Reply {
  if (reply.error === undefined) return reply;
  const { status } = refusal(call, code, message);
  return { ...reply, status, error: { ...reply.error, code, message } };
}

/** Whether HTTP itself refused the request: such an answer has a text for people, and the stock adapter's nothing. */
export const isPlain = ({ headers: { "content-type": type } }: Pick<Reply, "headers">) =>
  type === undefined || type === plainText;

export const plainText = "text/plain; charset=utf-8";

/** Whether the message of the call was read. */
export function wasRead(reply: Reply): boolean {
  const text = reply.error?.message ?? "";
  return !isPlain(reply) && !/^unknown compression|^protocol error: invalid .* timeout/.test(text);
}

/** Whether a handler or an interceptor has answered. */
export function wasHandled({ headers, trailers, error }: Reply): boolean {
  return (
    headers["x-handled"] !== undefined ||
    (headers["x-stopped"] ?? trailers["x-stopped"]) !== undefined ||
    error?.message === "grpc.health.v1.Health.Check is not implemented"
  );
}
