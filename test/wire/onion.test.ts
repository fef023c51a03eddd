import { AsyncLocalStorage } from "node:async_hooks";
import { create } from "@bufbuild/protobuf";
import { Int32ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  createClient,
  createContextKey,
  type Interceptor,
  type UnaryRequest,
} from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { type Outcome, peerKey, type TracedCall } from "../../src/wire/index.ts";
import { EchoService, NoteSchema, startEcho } from "./echo.ts";
import { exchangeRaw, openHttp2, requestHttp2 } from "./raw.ts";
import { speakers } from "./speak.ts";

// Long because interceptors, metadata, errors and traces are tested over every protocol.

describe("interceptors", () => {
  test.for(speakers)("run from the first to the last and back: $name", async ({ say }) => {
    const steps: string[] = [];
    const named =
      (name: string): Interceptor =>
      (next) =>
      async (request) => {
        steps.push(`${name} in`);
        const response = await next(request);
        steps.push(`${name} out`);
        return response;
      };
    await using server = await startEcho(
      {
        echo(note) {
          steps.push("handler");
          return note;
        },
      },
      { interceptors: [named("outer"), named("inner")] },
    );
    expect(await say(server)).toMatchObject({ code: 0 });
    expect(steps).toEqual(["outer in", "inner in", "handler", "inner out", "outer out"]);
  });

  test.for(speakers)("see what is called and by whom: $name", async ({ say, protocol }) => {
    const seen: unknown[] = [];
    const look: Interceptor = (next) => (request) => {
      const { service, method, stream, header, contextValues, requestMethod, url } = request;
      seen.push({
        service: service.typeName,
        method: method.name,
        stream,
        token: header.get("authorization"),
        peer: contextValues.get(peerKey),
        requestMethod,
        pathname: new URL(url).pathname,
      });
      return next(request);
    };
    const names: string[] = [];
    await using server = await startEcho(
      {
        echo(note, context) {
          names.push(context.protocolName);
          return note;
        },
      },
      { interceptors: [look] },
    );
    await say(server, { headers: { authorization: "Bearer x" } });
    expect(seen).toEqual([
      {
        service: "echo.v1.EchoService",
        method: "Echo",
        stream: false,
        token: "Bearer x",
        peer: "127.0.0.1",
        requestMethod: protocol === "rest" ? "PUT" : "POST",
        pathname: protocol === "rest" ? "/api/v1/notes/7" : "/echo.v1.EchoService/Echo",
      },
    ]);
    expect(names).toEqual([protocol]);
  });

  test("see the URL of a call, with a host if the client names none", async () => {
    const urls: string[] = [];
    const look: Interceptor = (next) => (request) => {
      urls.push(request.url);
      return next(request);
    };
    await using server = await startEcho({}, { interceptors: [look] });
    const host = `127.0.0.1:${server.port}`;
    await fetch(`http://${host}/api/v1/notes/7?text=a%20b`);
    using session = openHttp2(server.port);
    await requestHttp2(session, { ":path": "/api/v1/notes/7" });
    await exchangeRaw(server.port, "GET /api/v1/notes/7 HTTP/1.0\r\n\r\n");
    expect(urls).toEqual([
      `http://${host}/api/v1/notes/7?text=a%20b`,
      `http://${host}/api/v1/notes/7`,
      "http://localhost/api/v1/notes/7",
    ]);
  });

  test.for(speakers)("may pass on a changed copy of the request: $name", async ({ say }) => {
    const key = createContextKey("nobody");
    const change: Interceptor = (next) => (request) => {
      const header = new Headers(request.header);
      header.set("x-added", "yes");
      request.contextValues.set(key, "somebody");
      return next({ ...request, header } as typeof request);
    };
    const seen: unknown[] = [];
    await using server = await startEcho(
      {
        echo(note, context) {
          seen.push([context.requestHeader.get("x-added"), context.values.get(key)]);
          seen.push(context.signal.aborted, context.timeoutMs() !== undefined);
          context.responseHeader.set("x-head", "1");
          context.responseTrailer.set("x-tail", "2");
          return note;
        },
      },
      { interceptors: [change] },
    );
    expect((await say(server)).headers.get("x-head")).toBe("1");
    expect(seen).toEqual([["yes", "somebody"], false, true]);
  });

  test.for(speakers)("may change message and metadata of the answer: $name", async ({ say }) => {
    const change: Interceptor = (next) => async (request) => {
      const response = await next(request);
      response.header.set("x-head", "changed");
      return response;
    };
    await using server = await startEcho(
      {
        echo(note, context) {
          context.responseHeader.set("x-head", "1");
          return note;
        },
      },
      { interceptors: [change] },
    );
    expect((await say(server)).headers.get("x-head")).toBe("changed");
  });

  test.for(speakers)("may change a copy of the answer: $name", async ({ say, protocol }) => {
    const seen: unknown[] = [];
    const change: Interceptor = (next) => async (request) => {
      const response = await next(request);
      seen.push(response.stream, response.method.name, response.trailer.get("x-tail"));
      return { ...response, message: create(NoteSchema, { text: "changed" }) } as typeof response;
    };
    await using server = await startEcho(
      {
        echo(note, context) {
          context.responseHeader.set("x-head", "1");
          context.responseTrailer.set("x-tail", "2");
          return note;
        },
      },
      { interceptors: [change] },
    );
    const { code, note, headers, trailers } = await say(server);
    expect([code, note?.text, headers.get("x-head")]).toEqual([0, "changed", "1"]);
    expect(trailers.get("x-tail")).toBe(protocol === "rest" ? null : "2");
    expect(seen).toEqual([false, "Echo", "2"]);
  });

  test.for(speakers)("may answer in place of the handler: $name", async ({ say, protocol }) => {
    const answer: Interceptor = () => (request) => {
      const { service, method } = request as UnaryRequest;
      return Promise.resolve({
        ...{ service, method, stream: false, message: create(NoteSchema, { text: "known" }) },
        header: new Headers({ "x-head": "1" }),
        trailer: new Headers({ "x-tail": "2" }),
      });
    };
    const notReached = () => Promise.reject(new Error("the handler was reached"));
    await using server = await startEcho({ echo: notReached }, { interceptors: [answer] });
    const { code, note, headers, trailers } = await say(server);
    expect([code, note?.text, headers.get("x-head")]).toEqual([0, "known", "1"]);
    expect(trailers.get("x-tail")).toBe(protocol === "rest" ? null : "2");
  });

  test.for(speakers)("may answer with an error of their own: $name", async ({ say }) => {
    let calls = 0;
    const refuse: Interceptor = () => () =>
      Promise.reject(new ConnectError("stop", Code.PermissionDenied));
    await using server = await startEcho(
      {
        echo(note) {
          calls += 1;
          return note;
        },
      },
      { interceptors: [refuse] },
    );
    expect(await say(server)).toMatchObject({ code: Code.PermissionDenied, message: "stop" });
    expect(calls).toBe(0);
  });

  test("stand around streams, too", async () => {
    const seen: string[] = [];
    const look: Interceptor = (next) => (request) => {
      seen.push(`${new URL(request.url).pathname} ${request.stream}`);
      return next(request);
    };
    await using server = await startEcho(
      {
        async *spread(note) {
          yield note;
        },
      },
      { interceptors: [look] },
    );
    const transport = createGrpcTransport({ baseUrl: server.url });
    for await (const _ of createClient(EchoService, transport).spread({})) seen.push("message");
    expect(seen).toEqual(["/echo.v1.EchoService/Spread true", "message"]);
  });
});

describe("metadata", () => {
  const binary = Buffer.from([0, 1, 254, 255]).toString("base64");

  test.for(speakers)("reaches the handler: $name", async ({ say }) => {
    const seen: unknown[] = [];
    await using server = await startEcho({
      echo(note, { requestHeader }) {
        seen.push(requestHeader.get("x-zitadel-orgid"), requestHeader.get("x-data-bin"));
        return note;
      },
    });
    const headers = { "X-Zitadel-Orgid": "1", "x-data-bin": binary };
    expect(await say(server, { headers })).toMatchObject({ code: 0 });
    expect(seen).toEqual(["1", binary]);
  });

  test.for(
    speakers.flatMap((speaker) =>
      (["responseHeader", "responseTrailer"] as const).map((place) => ({ ...speaker, place })),
    ),
  )("of an error may be in $place alone: $name", async ({ say, place, protocol }) => {
    await using server = await startEcho({
      echo(_note, context) {
        context[place].set("x-set", "1");
        throw new ConnectError("no", Code.Aborted, { "x-reason": "because" });
      },
    });
    const { code, headers, trailers } = await say(server);
    const all = new Headers([...headers, ...trailers]);
    expect(code).toBe(Code.Aborted);
    // REST has no trailers.
    expect(all.get("x-set")).toBe(place === "responseTrailer" && protocol === "rest" ? null : "1");
    expect(all.get("x-reason")).toBe("because");
  });

  const answers = [
    { how: "success", error: undefined },
    { how: "error", error: new ConnectError("no", Code.Aborted) },
  ];
  const cases = answers.flatMap((answer) => speakers.map((speaker) => ({ ...speaker, ...answer })));
  test.for(cases)("of a $how reaches the client: $name", async ({ say, error, protocol }) => {
    await using server = await startEcho({
      echo(note, { responseHeader, responseTrailer }) {
        responseHeader.set("x-head", "1");
        responseHeader.set("x-head-bin", binary);
        responseHeader.append("x-many", "a");
        responseHeader.append("x-many", "b");
        responseTrailer.set("x-tail", "2");
        responseTrailer.set("x-tail-bin", binary);
        return error ? Promise.reject(error) : note;
      },
    });
    const { code, headers, trailers } = await say(server);
    expect(code).toBe(error?.code ?? 0);
    expect(headers.get("x-head")).toBe("1");
    expect(headers.get("x-head-bin")).toBe(binary);
    expect(headers.get("x-many")).toBe("a, b");
    // Plain HTTP has no place for trailers.
    const isRest = protocol === "rest";
    expect(trailers.get("x-tail")).toBe(isRest ? null : "2");
    expect(trailers.get("x-tail-bin")).toBe(isRest ? null : binary);
  });

  test.for(speakers)("of an error itself reaches the client: $name", async ({ say }) => {
    const error = new ConnectError("no", Code.Aborted, { "x-reason": "because" });
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    const { code, headers, trailers } = await say(server);
    expect(code).toBe(Code.Aborted);
    expect(headers.get("x-reason") ?? trailers.get("x-reason")).toBe("because");
  });

  test.for(speakers)("cannot replace the protocol's own: $name", async ({ say }) => {
    await using server = await startEcho({
      echo(note, { responseHeader, responseTrailer }) {
        responseTrailer.set("grpc-status", "13");
        responseTrailer.set("grpc-message", "lie");
        responseHeader.set("x-head", "1");
        return note;
      },
    });
    expect(await say(server)).toMatchObject({ code: 0, note: { text: "hello" } });
  });
});

describe("what is thrown", () => {
  const notInt32 = "x" as unknown as number;
  const secrets = [
    { what: "an Error", reason: new Error("password=hunter2") },
    { what: "a text", reason: "password=hunter2" },
    { what: "nothing", reason: undefined },
    { what: "an object without prototype", reason: Object.create(null) },
    { what: "an AbortError", reason: new DOMException("password=hunter2", "AbortError") },
  ];
  const cases = secrets.flatMap((secret) => speakers.map((speaker) => ({ ...speaker, ...secret })));
  test.for(cases)("stays inside if it is $what: $name", async ({ say, reason }) => {
    await using server = await startEcho({
      echo: () => {
        throw reason;
      },
    });
    const reply = await say(server);
    expect(reply).toMatchObject({
      code: Code.Internal,
      message: "internal error",
      details: ["google.rpc.ErrorInfo"],
    });
    expect(JSON.stringify([[...reply.headers], [...reply.trailers]])).not.toContain("hunter2");
    expect(server.outcomes).toMatchObject([{ error: { code: Code.Internal } }]);
    expect(server.outcomes[0]?.error?.cause).toBe(reason);
  });

  test.for(speakers)("is internal if its details cannot be encoded: $name", async ({ say }) => {
    const error = new ConnectError("no", Code.Aborted, undefined, [
      { desc: Int32ValueSchema, value: { value: notInt32 } },
    ]);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    expect(await say(server)).toMatchObject({
      code: Code.Internal,
      message: "internal error",
      details: ["google.rpc.ErrorInfo"],
    });
  });

  test.for(speakers)("may be an answer that cannot be encoded: $name", async ({ say }) => {
    await using server = await startEcho({ echo: () => ({ rank: notInt32 }) });
    expect(await say(server)).toMatchObject({ code: Code.Internal, message: "internal error" });
  });
});

describe("observe", () => {
  test.for(speakers)("is told of every call: $name", async ({ say, protocol }) => {
    await using server = await startEcho();
    const startedAt = performance.now();
    const { headers } = await say(server);
    const [outcome] = server.outcomes;
    expect(outcome?.durationMs).toBeGreaterThan(0);
    expect(outcome?.durationMs).toBeLessThanOrEqual(performance.now() - startedAt);
    expect(server.outcomes).toMatchObject([
      {
        protocol,
        method: { name: "Echo" },
        status: 200,
        error: undefined,
        peer: "127.0.0.1",
        requestId: headers.get("x-request-id"),
      },
    ]);
  });

  test("is called for requests that reach no handler", async () => {
    await using server = await startEcho();
    await fetch(`${server.url}/nowhere`);
    await fetch(`${server.url}/page?a=b`);
    await fetch(`${server.url}/echo.v1.EchoService/Echo`, { method: "POST", body: "x" });
    await fetch(`${server.url}/a.B/C`, { headers: { "content-type": "application/grpc" } });
    expect(server.outcomes).toMatchObject([
      { protocol: "http", status: 404, method: undefined, page: undefined },
      { protocol: "http", status: 200, method: undefined, page: "/page" },
      { protocol: "connect", status: 415, method: { name: "Echo" } },
      { protocol: "grpc", status: 405, method: undefined },
    ]);
  });
});

describe("what fails around a call costs no other", () => {
  const cause = new Error("password=hunter2");
  const fail = () => {
    throw cause;
  };

  test.for([
    { what: "a page", path: "/broken", changes: { pages: new Map([["/broken", fail]]) } },
    {
      what: "a page, later",
      path: "/broken",
      changes: { pages: new Map([["/broken", () => Promise.reject(cause)]]) },
    },
    { what: "a tracer", path: "/api/v1/notes/7", changes: { trace: fail } },
  ])("$what", async ({ path, changes }) => {
    await using server = await startEcho({}, changes);
    for (const _ of [1, 2]) {
      const response = await fetch(`${server.url}${path}`);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ code: 13, message: "internal error" });
    }
    const observed = { status: 500, error: { code: Code.Internal, cause } };
    expect(server.outcomes).toMatchObject([observed, observed]);
    expect(server.listener.load().calls).toBe(0);
  });
});

describe("trace", () => {
  /** A trace that numbers the calls, and tells in which of them code runs. */
  function tracer() {
    const context = new AsyncLocalStorage<string>();
    const begun: TracedCall[] = [];
    const ended: Outcome[] = [];
    const trace = (call: TracedCall) => {
      const traceId = `trace ${begun.push(call)}`;
      return {
        traceId,
        run: <Result>(work: () => Result) => context.run(traceId, work),
        end: (outcome: Outcome) => void ended.push(outcome),
      };
    };
    return { trace, begun, ended, current: () => context.getStore() };
  }

  test.for(speakers)("follows a call from its head to its answer: $name", async (speaker) => {
    const { say, protocol } = speaker;
    const { trace, begun, ended, current } = tracer();
    const inside: (string | undefined)[] = [];
    await using server = await startEcho(
      {
        async echo(note) {
          inside.push(current());
          await new Promise((resolve) => setImmediate(resolve));
          inside.push(current());
          return note;
        },
      },
      { trace },
    );
    expect(await say(server, { headers: { traceparent: "from the client" } })).toMatchObject({
      code: 0,
    });
    expect(inside).toEqual(["trace 1", "trace 1"]);
    expect(begun).toMatchObject([
      { protocol, method: { name: "Echo" }, head: { headers: { traceparent: "from the client" } } },
    ]);
    expect(server.outcomes).toMatchObject([{ traceId: "trace 1", error: undefined }]);
    expect(ended).toEqual(server.outcomes);
  });

  test("follows a stream", async () => {
    const { trace, ended, current } = tracer();
    await using server = await startEcho(
      {
        async *spread() {
          yield { text: `${current()}` };
          yield { text: `${current()}` };
        },
      },
      { trace },
    );
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
    const received: string[] = [];
    for await (const { text } of client.spread({})) received.push(text);
    expect(received).toEqual(["trace 1", "trace 1"]);
    await expect.poll(() => ended).toMatchObject([{ protocol: "grpc", traceId: "trace 1" }]);
  });

  test("sees what is refused before the handler, and nothing that is no call", async () => {
    const { trace, begun, ended } = tracer();
    await using server = await startEcho({}, { trace });
    await fetch(`${server.url}/nowhere`);
    await fetch(`${server.url}/page`);
    const grpc = { method: "POST", headers: { "content-type": "application/grpc" } };
    await fetch(`${server.url}/echo.v1.EchoService/Unknown`, grpc);
    await fetch(`${server.url}/echo.v1.EchoService/Echo`, { method: "POST", body: "x" });
    expect(begun).toMatchObject([{ protocol: "connect", method: { name: "Echo" } }]);
    expect(ended).toMatchObject([{ status: 415 }]);
    expect(server.outcomes.map(({ protocol, traceId }) => `${protocol}: ${traceId}`)).toEqual([
      "http: undefined",
      "http: undefined",
      "grpc: undefined",
      "connect: trace 1",
    ]);
  });
});
