import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createTracing } from "../../src/telemetry/trace.ts";
import { createPlace, demo } from "../cli/serving.ts";
import { callers, closeCallers } from "../support/api/callers.ts";
import { gigi, methods } from "../support/api/setting.ts";
import { type Program, startGiraffe } from "../support/child.ts";

const management = "zitadel.management.v1.ManagementService";
const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const traceparent = `00-${traceId}-${parentId}-01`;

afterAll(closeCallers);

/** A server with an OpenTelemetry SDK, in a process of its own. */
async function startTraced() {
  const place = createPlace();
  const preload = new URL("preloaded-sdk.ts", import.meta.url).href;
  const argv = ["serve", "--demo", "--listen", "127.0.0.1:0", "--database", place.database];
  const program = startGiraffe(argv, { preload });
  onTestFinished(async () => {
    program.kill("SIGKILL");
    await program.ended;
  });
  const [, url = ""] = await program.until("stdout", /^ready (\S+)\n/m);
  return { url, program, token: place.token() };
}

async function endOf(program: Program) {
  program.kill("SIGTERM");
  const { stdout, stderr } = await program.ended;
  const spans = [...stdout.matchAll(/^span (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
  const lines = stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { spans, lines: lines.filter(({ requestId }) => requestId !== undefined), stderr };
}

const statusWords = {
  gRPC: { system: "grpc", ok: "OK", failed: "FAILED_PRECONDITION" },
  "gRPC-Web": { system: "grpc", ok: "OK", failed: "FAILED_PRECONDITION" },
  Connect: { system: "connectrpc", ok: "ok", failed: "failed_precondition" },
  REST: { system: "rest", ok: "ok", failed: "failed_precondition" },
};

describe("a server with a preloaded SDK", () => {
  test("makes a span for each call, below the caller's, on every protocol", async () => {
    const { url, program, token } = await startTraced();
    const want = [];
    for (const caller of callers) {
      const nickName = caller.name;
      const update = () =>
        caller.call(
          url,
          methods.updateHumanProfile,
          { userId: demo.userId, ...gigi, nickName },
          { token, headers: { traceparent } },
        );
      expect(await update()).toMatchObject({ code: 0 });
      expect(await update()).toMatchObject({ code: 9 });
      const { system, ok, failed } = statusWords[caller.protocol];
      for (const code of [ok, failed]) {
        want.push({
          name: `${management}/UpdateHumanProfile`,
          kind: SpanKind.SERVER,
          traceId,
          parent: parentId,
          attributes: {
            "rpc.system.name": system,
            "rpc.method": `${management}/UpdateHumanProfile`,
            "rpc.response.status_code": code,
          },
          status: { code: SpanStatusCode.UNSET },
          events: [],
        });
      }
    }
    const { spans, lines } = await endOf(program);
    expect(spans).toMatchObject(want);
    expect(lines.map((line) => line.traceId)).toEqual(want.map(() => traceId));
  });

  test("begins a trace where the caller's is missing or malformed", async () => {
    const { url, program, token } = await startTraced();
    const malformed = [undefined, "", "00-0-0-01", `${traceparent}, ${traceparent}`, "\u00ff"];
    for (const value of malformed) {
      const headers = {
        ...(value !== undefined && { traceparent: value }),
        tracestate: "===,\u00ff",
      };
      const { status } = await fetch(`${url}/management/v1/users/${demo.userId}/profile`, {
        headers: { authorization: `Bearer ${token}`, ...headers },
      });
      expect(status).toBe(200);
    }
    expect((await fetch(`${url}/openapi.json`)).status).toBe(200);
    const { spans, lines } = await endOf(program);
    expect(spans).toHaveLength(malformed.length);
    for (const span of spans) expect(span.parent).toBeUndefined();
    expect(lines.map((line) => line.traceId)).toEqual([
      ...spans.map((span) => span.traceId),
      undefined,
    ]);
  });

  test("says nothing of tokens, names or addresses", async () => {
    const { url, program, token } = await startTraced();
    const canary = "kanarienvogel";
    const email = `${canary}@giraffe.example`;
    const names = { firstName: canary, lastName: canary, displayName: canary };
    for (const caller of callers) {
      const options = { token, headers: { baggage: `name=${canary}`, "x-request-id": canary } };
      const user = { userName: `${caller.name}${canary}`, profile: names, email: { email } };
      await caller.call(url, methods.importHumanUser, user, options);
      await caller.call(url, methods.updateHumanProfile, { userId: canary, ...names }, options);
      await caller.call(
        url,
        methods.updateHumanProfile,
        { userId: "1", ...names },
        { token: canary },
      );
    }
    const { spans, stderr } = await endOf(program);
    expect(spans).toHaveLength(3 * callers.length);
    expect(JSON.stringify(spans) + stderr).not.toContain(canary);
    expect(JSON.stringify(spans) + stderr).not.toContain(token);
  });
});

test("a server without an SDK does nothing with a trace", async () => {
  const place = createPlace();
  const server = await place.serve("--demo");
  await fetch(`${server.url}/management/v1/users/${demo.userId}/profile`, {
    headers: { authorization: `Bearer ${place.token()}`, traceparent },
  });
  const { lines } = await endOf(server);
  expect(lines).toMatchObject([{ status: 200 }]);
  expect(lines[0]).not.toHaveProperty("traceId");
});

describe("createTracing", () => {
  const call = { protocol: "grpc", method: "a.B/C", headers: { traceparent } };
  const exporter = new InMemorySpanExporter();

  test("is undefined as long as no SDK is registered", () => {
    expect(createTracing()).toBeUndefined();
  });

  describe("with an SDK", () => {
    beforeAll(() => {
      new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
    });
    afterAll(() => {
      trace.disable();
      context.disable();
    });

    test("runs a call within its span, for as long as it takes", async () => {
      const span = createTracing()?.(call);
      const seen = await span?.run(async () => {
        const before = trace.getActiveSpan()?.spanContext();
        await new Promise((resolve) => setImmediate(resolve));
        return [before, trace.getActiveSpan()?.spanContext()];
      });
      expect(seen).toMatchObject([{ traceId }, { traceId }]);
      expect(span?.traceId).toBe(traceId);
      expect(trace.getActiveSpan()).toBeUndefined();
    });

    test("takes the span of an instrumentation of HTTP as the parent", () => {
      exporter.reset();
      const outer = trace.getTracer("http").startSpan("PUT");
      context.with(trace.setSpan(context.active(), outer), () => createTracing()?.(call).end("ok"));
      expect(exporter.getFinishedSpans()).toMatchObject([
        { name: "a.B/C", parentSpanContext: { spanId: outer.spanContext().spanId } },
      ]);
    });

    test.for([
      { code: undefined, status: "OK", fault: undefined },
      { code: "not_found", status: "NOT_FOUND", fault: undefined },
      { code: "canceled", status: "CANCELLED", fault: undefined },
      { code: "unavailable", status: "UNAVAILABLE", fault: "UNAVAILABLE" },
      { code: "internal", status: "INTERNAL", fault: "INTERNAL" },
    ])("marks the span if the server is at fault: $code", ({ code, status, fault }) => {
      exporter.reset();
      createTracing()?.(call).end(code);
      const [span] = exporter.getFinishedSpans();
      expect(span?.attributes["rpc.response.status_code"]).toBe(status);
      expect(span?.attributes["error.type"]).toBe(fault);
      expect(span?.status.code).toBe(fault ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    });
  });
});
