import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../../echo.ts";
import { openHttp2, requestHttp2 } from "../../raw.ts";
import { binaryNote, envelope, openEnvelopes } from "../../speak.ts";

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
});
