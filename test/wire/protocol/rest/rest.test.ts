import { fromJson, type Message, toJson } from "@bufbuild/protobuf";
import { DurationSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import { startEcho } from "../../echo.ts";
import { openHttp2, requestHttp2 } from "../../raw.ts";
import { binaryNote, envelope, openEnvelopes } from "../../speak.ts";
import { libraryMethod } from "./library.ts";

const lookPath = "/echo.v1.EchoService/Look";

describe("REST", () => {
  test("takes the path's value over the body's", async () => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}/api/v1/notes/a%20b`, {
      method: "PUT",
      body: '{"id":"other","text":"x"}',
    });
    expect(await response.json()).toEqual({ id: "a b", text: "x" });
  });

  test("takes the query of a GET", async () => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}/api/v1/notes/7?text=a+b&unknown=1`);
    expect(await response.json()).toEqual({ id: "7", text: "a b" });
  });

  test.for(["application/grpc", "application/grpc-web", "application/grpc-web+proto"])(
    "understands the frames of %s and binds the path's value",
    async (contentType) => {
      const seen: string[] = [];
      await using server = await startEcho({
        echo(note, context) {
          seen.push(`${context.protocolName} ${note.id} ${note.text}`);
          return note;
        },
      });
      using session = openHttp2(server.port);
      const answer = await requestHttp2(
        session,
        { ":method": "PUT", ":path": "/api/v1/notes/9", "content-type": contentType },
        envelope(binaryNote()),
      );
      expect(answer.status).toBe(200);
      expect(openEnvelopes(answer.body)[0]).toEqual({
        flags: 0,
        payload: Buffer.from(binaryNote({ id: "9", text: "hello" })),
      });
      expect(seen).toEqual([`${contentType.replace(/application\/|\+proto/g, "")} 9 hello`]);
    },
  );

  test("asks an unauthenticated caller for a bearer token", async () => {
    const error = new ConnectError("who?", Code.Unauthenticated);
    await using server = await startEcho({ look: () => Promise.reject(error) });
    const response = await fetch(`${server.url}/api/v1/notes/7`);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await response.json()).toMatchObject({ code: 16, message: "who?" });
  });

  test.for([
    [Code.Canceled, 499],
    [Code.Unknown, 500],
    [Code.InvalidArgument, 400],
    [Code.DeadlineExceeded, 504],
    [Code.NotFound, 404],
    [Code.AlreadyExists, 409],
    [Code.PermissionDenied, 403],
    [Code.ResourceExhausted, 429],
    [Code.FailedPrecondition, 400],
    [Code.Aborted, 409],
    [Code.OutOfRange, 400],
    [Code.Unimplemented, 501],
    [Code.Internal, 500],
    [Code.Unavailable, 503],
    [Code.DataLoss, 500],
    [Code.Unauthenticated, 401],
  ] as const)("and Connect answer code %d with status %d", async ([code, status]) => {
    const error = new ConnectError("x", code);
    await using server = await startEcho({ look: () => Promise.reject(error) });
    expect((await fetch(`${server.url}/api/v1/notes/7`)).status).toBe(status);
    const query = "connect=v1&encoding=json&message=%7B%7D";
    expect((await fetch(`${server.url}${lookPath}?${query}`)).status).toBe(status);
  });

  test("answers an error with the status of its reason, if that has one", async () => {
    const statuses: number[] = [];
    const reasons = ["STALE", "OTHER"];
    await using server = await startEcho(
      {
        look({ id }) {
          const error = new ConnectError("x", Code.FailedPrecondition);
          error.details.push(
            { type: "other.v1.Type", value: Uint8Array.of(8, 1) },
            { desc: DurationSchema, value: { seconds: 1n } },
            { desc: ErrorInfoSchema, value: { reason: reasons[Number(id)] } },
          );
          throw error;
        },
      },
      { restStatuses: { STALE: 412 } },
    );
    for (const id of reasons.keys()) {
      statuses.push((await fetch(`${server.url}/api/v1/notes/${id}`)).status);
    }
    expect(statuses).toEqual([412, 400]);
  });

  test("writes the details of an error as JSON, and leaves out those of types that it does not know", async () => {
    const error = new ConnectError("", Code.NotFound);
    error.details.push(
      { desc: ErrorInfoSchema, value: { reason: "GONE", domain: "echo.test" } },
      { desc: DurationSchema, value: { seconds: 1n, nanos: 500_000_000 } },
      { desc: ValueSchema, value: { kind: { case: "nullValue", value: 0 } } },
      { type: "other.v1.Type", value: Uint8Array.of(8, 1) },
    );
    await using server = await startEcho({ look: () => Promise.reject(error) });
    expect(await (await fetch(`${server.url}/api/v1/notes/7`)).json()).toEqual({
      code: 5,
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "GONE",
          domain: "echo.test",
        },
        { "@type": "type.googleapis.com/google.protobuf.Duration", value: "1.500s" },
        { "@type": "type.googleapis.com/google.protobuf.Value", value: null },
      ],
    });
  });

  test("leaves out the list of details if it knows none of them", async () => {
    const error = new ConnectError("gone", Code.NotFound);
    error.details.push({ type: ErrorInfoSchema.typeName, value: Uint8Array.of() });
    await using server = await startEcho({ look: () => Promise.reject(error) });
    const response = await fetch(`${server.url}/api/v1/notes/7`);
    expect(await response.json()).toEqual({ code: 5, message: "gone" });
  });

  test("applies Prefer: handling=strict to bodies alone", async () => {
    await using server = await startEcho();
    const url = `${server.url}/api/v1/notes/7`;
    const headers = { prefer: "handling=strict" };
    const put = await fetch(url, { method: "PUT", headers, body: '{"tex":"x"}' });
    expect(put.status).toBe(400);
    expect(put.headers.get("preference-applied")).toBe("handling=strict");
    const get = await fetch(`${url}?tex=x`, { headers });
    expect(get.status).toBe(200);
    expect(get.headers.get("preference-applied")).toBeNull();
  });

  test("sends the headers that a handler has set, with an answer and with an error", async () => {
    await using server = await startEcho({
      look(note, { responseHeader }) {
        responseHeader.set("x-kept", "yes");
        if (note.id === "bad") throw new ConnectError("x", Code.NotFound);
        return note;
      },
    });
    for (const id of ["good", "bad"]) {
      const { headers } = await fetch(`${server.url}/api/v1/notes/${id}`);
      expect(headers.get("x-kept")).toBe("yes");
      expect(headers.get("content-type")).toBe("application/json");
      expect(headers.has("www-authenticate")).toBe(false);
    }
  });
});

describe("the body of a REST request", () => {
  test.for([
    { name: "one value", body: ' {"text":"x"} ', want: { id: "7", text: "x" } },
    { name: "the first value", body: '{"text":"x"} {"text":"y"}', want: { id: "7", text: "x" } },
    { name: "nothing", body: "", want: { id: "7" } },
  ])("may be $name; with it, the query sets nothing", async ({ body, want }) => {
    await using server = await startEcho();
    const answer = await fetch(`${server.url}/api/v1/notes/7?rank=5`, { method: "PUT", body });
    expect(await answer.json()).toEqual(want);
  });

  test.for([
    { name: "a value that does not end", body: '{"text":"x"', want: "the JSON value does not end" },
    { name: "no value", body: "?", want: "no JSON value at position 0" },
    { name: "a field twice", body: '{"text":"x","text":"y"} 1', want: "text" },
  ])("is refused if it is $name", async ({ body, want }) => {
    await using server = await startEcho();
    const answer = await fetch(`${server.url}/api/v1/notes/7`, { method: "PUT", body });
    expect(await answer.json()).toMatchObject({ code: 3, message: expect.stringContaining(want) });
  });

  test("may be one field of the message, and that of an answer, too", async () => {
    const { parent, input, output } = libraryMethod("Library", "UpdateShelf");
    const seen: unknown[] = [];
    const handlers = {
      updateShelf(request: Message) {
        seen.push(toJson(input, request));
        return fromJson(output, { shelf: { name: "new", capacity: 3 } });
      },
    };
    await using server = await startEcho(undefined, {
      routes: (router) => router.service(parent, handlers as object),
      restPrefixes: {},
    });
    const update = (body: string) =>
      fetch(`${server.url}/v1/shelves/a?shelf.capacity=9&tags=t`, { method: "PATCH", body });
    expect(await (await update('{"name":"b","topics":["x"]}')).json()).toEqual({
      name: "new",
      capacity: 3,
    });
    expect(seen).toEqual([{ shelf: { name: "shelves/a", topics: ["x"] }, tags: ["t"] }]);
    expect((await update('"}, "tags": ["')).status).toBe(400);
  });
});
