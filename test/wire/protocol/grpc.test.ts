import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openHttp2, openRaw, requestHttp2 } from "../raw.ts";
import { binaryNote, envelope, openEnvelopes, speakers } from "../speak.ts";

const path = "/echo.v1.EchoService/Echo";

describe("gRPC", () => {
  const headers = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  };

  test("answers a message, then its status in trailers", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const answer = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty("grpc-status");
    expect(answer.headers).not.toHaveProperty("content-length");
    expect(openEnvelopes(answer.body)).toEqual([{ flags: 0, payload: Buffer.from(binaryNote()) }]);
    expect(Object.entries(answer.trailers)).toEqual([["grpc-status", "0"]]);
  });

  test("answers an error without a message", async () => {
    const error = new ConnectError("no", Code.NotFound);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    using session = openHttp2(server.port);
    const answer = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(Object.entries(answer.trailers).toSorted()).toEqual([
      ["grpc-message", "no"],
      ["grpc-status", "5"],
      ["grpc-status-details-bin", expect.any(String)],
    ]);
  });

  test.for([
    ["plain", "plain"],
    ["50 %: a, b; c/d?e&f=g+h@i#j", "50 %25: a, b; c/d?e&f=g+h@i#j"],
    [" at both ends  ", "%20at both ends%20%20"],
    ["   ", "%20%20%20"],
    ["Zürich", "Z%C3%BCrich"],
    ["giraffe 🦒", "giraffe %F0%9F%A6%92"],
    ["line\nend\r\u0000", "line%0Aend%0D%00"],
    ["\ud83e", "%EF%BF%BD"],
    ["a\udd92b", "a%EF%BF%BDb"],
    ["", ""],
  ] as const)("encodes the message %j", async ([message, want]) => {
    const error = new ConnectError(message, Code.Aborted);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    using session = openHttp2(server.port);
    const { trailers } = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(trailers["grpc-message"]).toBe(want);
  });

  test("sends details as unpadded base64 beside the code and the message they repeat", async () => {
    const error = new ConnectError("details 🦒", Code.Aborted, undefined, [
      { desc: StringValueSchema, value: { value: "more" } },
    ]);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    using session = openHttp2(server.port);
    const { trailers } = await requestHttp2(session, headers, envelope(binaryNote()));
    expect(trailers["grpc-status-details-bin"]).toMatch(/^[A-Za-z0-9+/]+$/);
    const received = await speakers[0]?.say(server);
    expect(received).toMatchObject({
      code: Code.Aborted,
      message: "details 🦒",
      details: ["google.protobuf.StringValue", "google.rpc.ErrorInfo"],
    });
  });

  test("carries trailers over HTTP/1.1 behind the last chunk", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    const body = envelope(binaryNote());
    connection.send(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: ${body.byteLength}\r\n\r\n`,
    );
    connection.send(body);
    const received = await connection.until(/\r\n0\r\n.*\r\n\r\n$/s);
    expect(received).toMatch(/\r\ntrailer: grpc-status\r\n/i);
    expect(received).toMatch(/\r\n0\r\ngrpc-status: 0\r\n\r\n$/);
  });
});
