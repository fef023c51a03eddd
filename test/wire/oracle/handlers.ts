import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { Health } from "../../../gen/health/v1/health_pb.ts";
import type { WireOptions } from "../../../src/wire/index.ts";
import { EchoService, type Note, NoteSchema } from "../echo.ts";

/** What a request may ask of the handler, in the header `x-act`; with "refuse", a code follows. */
export const acts = ["echo", "refuse", "refuse at length", "fail", "overflow", "stop"] as const;

/** Headers that client and server negotiate with, and how a GET carries its message. Handlers do not depend on them. */
const negotiated = new Set([
  "accept-encoding",
  "base64",
  "compression",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "host",
  "message",
  "transfer-encoding",
]);

/** Methods of which `Check` is registered without an implementation. */
export const routes: WireOptions["routes"] = (router) =>
  router.service(EchoService, { echo: act, look: act }).service(Health, {});

/** Marks every response, and stops calls that ask for it. */
export const interceptors: readonly Interceptor[] = [
  (next) => async (request) => {
    if (request.header.get("x-act") === "stop") {
      throw new ConnectError("stopped", Code.PermissionDenied, { "x-stopped": "early" });
    }
    const response = await next(request);
    response.header.set("x-onion", request.method.name);
    response.trailer.append("x-onion", request.requestMethod);
    return response;
  },
];

async function act(note: Note, context: HandlerContext): Promise<Note> {
  const { requestHeader, responseHeader, responseTrailer, signal } = context;
  const [verb, ...rest] = (requestHeader.get("x-act") ?? "echo").split(" ");
  if (verb === "wait") {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve());
    });
    throw signal.reason;
  }
  const { pathname, searchParams } = new URL(context.url);
  const minutes = Math.ceil((context.timeoutMs() ?? Number.NaN) / 60_000);
  responseHeader.set("x-handled", `${context.protocolName} ${context.requestMethod} ${pathname}`);
  responseHeader.set("x-minutes", String(minutes));
  responseHeader.append("set-cookie", "a=1; Path=/");
  responseHeader.append("set-cookie", "b=2, 3");
  responseTrailer.set("x-tail", "wagged");
  responseTrailer.append("x-tail", "twice");
  const seen = [...requestHeader, ...searchParams].filter(([name]) => !negotiated.has(name));
  responseHeader.set("x-seen", encodeURIComponent(JSON.stringify(seen)));
  for (const [name, value] of requestHeader) {
    if (name.startsWith("x-meta-")) responseTrailer.set(name, value);
  }
  if (verb === "refuse") throw refusal(note, rest.join(" "));
  if (verb === "fail") throw new Error("a secret");
  if (verb === "overflow") return { ...note, rank: 3_000_000_000 };
  return note;
}

/** @param how A code, or "at length". */
function refusal(note: Note, how: string): ConnectError {
  const code = Number(how) || Code.FailedPrecondition;
  const text = how === "at length" ? "long ".repeat(500) : note.text;
  return new ConnectError(
    ` no: ${note.text} – "100 %" ünïcode\n`,
    code,
    [
      ["x-why", "because"],
      ["x-why", "and because"],
      ["x-why-bin", "AAEC/w"],
    ],
    [
      { desc: NoteSchema, value: { id: note.id, text } },
      { desc: NoteSchema, value: { rank: -1 } },
    ],
  );
}
