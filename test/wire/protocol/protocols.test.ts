import { toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openHttp2, openRaw, requestHttp2 } from "../raw.ts";
import { binaryNote, envelope, jsonNote, openEnvelopes, speakers } from "../speak.ts";

const path = "/echo.v1.EchoService/Echo";
const lookPath = "/echo.v1.EchoService/Look";
const framed = (bytes: Uint8Array) => new Uint8Array(envelope(bytes));

describe("a content type is accepted", () => {
  test.for<[contentType: string, body: Uint8Array, answered: string]>([
    ["application/grpc", framed(binaryNote()), "application/grpc"],
    ["application/grpc+proto", framed(binaryNote()), "application/grpc+proto"],
    ["application/grpc+json", framed(jsonNote()), "application/grpc+json"],
    ["application/grpc-web", framed(binaryNote()), "application/grpc-web"],
    ["application/grpc-web+proto", framed(binaryNote()), "application/grpc-web+proto"],
    ["application/grpc-web+json", framed(jsonNote()), "application/grpc-web+json"],
    ["Application/GRPC-Web+Proto", framed(binaryNote()), "Application/GRPC-Web+Proto"],
    [
      "application/grpc-web-text",
      Buffer.from(Buffer.from(framed(binaryNote())).toString("base64")),
      "application/grpc-web-text",
    ],
    [
      "application/grpc-web-text+proto",
      Buffer.from(Buffer.from(framed(binaryNote())).toString("base64")),
      "application/grpc-web-text+proto",
    ],
    ["application/proto", binaryNote(), "application/proto"],
    ["application/json", jsonNote(), "application/json"],
    ["application/json; charset=utf-8", jsonNote(), "application/json"],
    ["application/json;charset=utf-8", jsonNote(), "application/json"],
    ["APPLICATION/JSON; charset=UTF-8", jsonNote(), "application/json"],
  ])("%s", async ([contentType, body, answered]) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: new Uint8Array(body),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(answered);
    expect(Buffer.from(await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect(server.outcomes).toMatchObject([{ error: undefined }]);
  });
});

describe("a content type is refused, and the answer says which would do", () => {
  const connectTypes = "application/json, application/proto";
  test.for([
    ["text/plain", connectTypes],
    ["", connectTypes],
    ["application/jsonx", connectTypes],
    ["application/json; charset=latin1", connectTypes],
    ["application/x-www-form-urlencoded", connectTypes],
    ["application/connect+json", connectTypes],
    ["application/grpcx", connectTypes],
    ["application/grpc+xml", "application/grpc, application/grpc+json"],
    ["application/grpc; charset=utf-8", "application/grpc, application/grpc+json"],
    ["application/grpc-web+xml", "application/grpc-web, application/grpc-web-text"],
    ["application/grpc-web-textual", connectTypes],
  ] as const)("%s", async ([contentType, accepted]) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: new Uint8Array(jsonNote()),
    });
    expect(response.status).toBe(415);
    expect(response.headers.get("accept-post")).toBe(accepted);
    expect(await response.text()).toBe("");
  });
});

describe("a wrong verb is refused, and the answer says which would do", () => {
  test.for([
    { verb: "GET", target: path, contentType: "application/json", allow: "POST" },
    { verb: "PUT", target: path, contentType: "application/proto", allow: "POST" },
    { verb: "DELETE", target: lookPath, contentType: "application/json", allow: "GET, POST" },
    { verb: "PUT", target: path, contentType: "application/grpc", allow: "POST" },
    { verb: "GET", target: lookPath, contentType: "application/grpc", allow: "POST" },
    { verb: "PATCH", target: path, contentType: "application/grpc-web", allow: "POST" },
    { verb: "DELETE", target: "/api/v1/notes/7", contentType: "", allow: "GET, PUT" },
  ])("$verb $target as $contentType", async ({ verb, target, contentType, allow }) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${target}`, {
      method: verb,
      headers: { "content-type": contentType },
    });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });
});

describe("an unknown method", () => {
  test.for(["application/grpc", "application/grpc-web"])(
    "is unimplemented as %s",
    async (contentType) => {
      await using server = await startEcho();
      using session = openHttp2(server.port);
      const answer = await requestHttp2(
        session,
        { ":method": "POST", ":path": "/echo.v1.EchoService/Nothing", "content-type": contentType },
        framed(binaryNote()),
      );
      expect(answer.status).toBe(200);
      expect(server.outcomes).toMatchObject([
        { error: { code: Code.Unimplemented }, method: undefined },
      ]);
    },
  );

  const notFound = JSON.stringify({ code: 5, message: "Not Found" });
  test.for([
    { target: "/echo.v1.EchoService/Nothing", want: "" },
    { target: "/echo.v1.EchoService/echo", want: "" },
    { target: `${path}/`, want: notFound },
    { target: "/nothing", want: notFound },
    { target: "//", want: notFound },
  ])("is not found as Connect: $target", async ({ target, want }) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${target}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe(want);
  });
});

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

describe("gRPC-Web", () => {
  async function call(url: string, contentType: string, body: string | Uint8Array<ArrayBuffer>) {
    const headers = { "content-type": contentType };
    const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
    return Buffer.from(await response.arrayBuffer());
  }

  test("ends with its trailers in a frame of their own", async () => {
    await using server = await startEcho({
      echo(note, context) {
        context.responseTrailer.set("X-Later", "1");
        return note;
      },
    });
    const body = await call(server.url, "application/grpc-web", framed(binaryNote()));
    expect(openEnvelopes(body)).toEqual([
      { flags: 0, payload: Buffer.from(binaryNote()) },
      { flags: 0x80, payload: Buffer.from("grpc-status: 0\r\nx-later: 1\r\n") },
    ]);
  });

  test("answers an error with that frame alone", async () => {
    const error = new ConnectError("Zürich", Code.NotFound);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    const body = await call(server.url, "application/grpc-web", framed(binaryNote()));
    const [frame, ...others] = openEnvelopes(body);
    expect(others).toEqual([]);
    expect(frame?.flags).toBe(0x80);
    expect(String(frame?.payload)).toMatch(
      /^grpc-message: Z%C3%BCrich\r\ngrpc-status: 5\r\ngrpc-status-details-bin: \S+\r\n$/,
    );
  });

  test("reads text that was split and padded anywhere", async () => {
    await using server = await startEcho();
    const bytes = envelope(binaryNote());
    for (let at = 0; at <= bytes.byteLength; at += 1) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      const text = pieces.map((piece) => piece.toString("base64")).join("");
      const answer = await call(server.url, "application/grpc-web-text", text);
      const [message] = openEnvelopes(Buffer.from(answer.toString(), "base64"));
      expect(message?.payload).toEqual(Buffer.from(binaryNote()));
    }
    const single = Array.from(bytes, (byte) => Buffer.of(byte).toString("base64"));
    for (const separator of ["", "\n", "\r\n "]) {
      const answer = await call(server.url, "application/grpc-web-text", single.join(separator));
      const [message] = openEnvelopes(Buffer.from(answer.toString(), "base64"));
      expect(message?.payload).toEqual(Buffer.from(binaryNote()));
    }
  });

  test.for(["AAAA!", "AAA", "A", "====", "AAAAAAA", "AA=A", "\u00ff"])(
    "refuses text that is not base64: %j",
    async (text) => {
      await using server = await startEcho();
      await call(server.url, "application/grpc-web-text", text);
      expect(server.outcomes).toMatchObject([{ error: { code: Code.InvalidArgument } }]);
    },
  );
});

describe("Connect", () => {
  const get = (url: string, query: string, target = lookPath) =>
    fetch(`${url}${target}?${query}`).then(async (response) => ({
      status: response.status,
      body: Buffer.from(await response.arrayBuffer()),
    }));
  const encoded = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

  test.for([
    `connect=v1&encoding=json&message=${encodeURIComponent(jsonNote().toString())}`,
    `message=${encodeURIComponent(jsonNote().toString())}&encoding=json&unknown=1`,
    `connect=v1&encoding=json&base64=1&message=${encoded(jsonNote())}`,
  ])("reads GET %s", async (query) => {
    await using server = await startEcho();
    const { status, body } = await get(server.url, query);
    expect(status).toBe(200);
    expect(JSON.parse(body.toString())).toEqual({ id: "7", text: "hello" });
  });

  test.for([
    encoded(binaryNote()),
    `${encoded(binaryNote())}=`.replace(/=+$/, "%3D"),
    encodeURIComponent(Buffer.from(binaryNote()).toString("base64")),
  ])("reads the binary message %s", async (message) => {
    await using server = await startEcho();
    const { status, body } = await get(server.url, `encoding=proto&base64=1&message=${message}`);
    expect({ status, body }).toEqual({ status: 200, body: Buffer.from(binaryNote()) });
  });

  test("takes no message in GET for an empty one", async () => {
    await using server = await startEcho();
    expect(await get(server.url, "encoding=json&message=%7B%7D")).toMatchObject({ status: 200 });
    expect(await get(server.url, "encoding=proto")).toMatchObject({ status: 200 });
  });

  test.for([
    ["connect=v1&encoding=xml&message=1", 415],
    ["connect=v1&message=1", 415],
    ["connect=v1&encoding=connect%2Bjson&message=1", 415],
    ["connect=v1&encoding=json&message=!", 400],
    ["connect=v1&encoding=json&base64=1&message=%21", 400],
    ["connect=v1&encoding=json&base64=1&message=%FF", 400],
    ["connect=v1&encoding=json&compression=zstd&message=%7B%7D", 501],
  ] as const)("refuses GET %s", async ([query, status]) => {
    await using server = await startEcho();
    expect(await get(server.url, query)).toMatchObject({ status });
  });

  test("answers GET for methods without side effects only", async () => {
    await using server = await startEcho();
    const query = "connect=v1&encoding=json&message=%7B%7D";
    expect(await get(server.url, query, path)).toMatchObject({ status: 405 });
  });

  test("answers an error in JSON, whatever the encoding of the request", async () => {
    const error = new ConnectError("no", Code.FailedPrecondition, undefined, [
      { desc: StringValueSchema, value: { value: "more" } },
    ]);
    await using server = await startEcho({ echo: () => Promise.reject(error) });
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: new Uint8Array(binaryNote()),
    });
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({
      code: "failed_precondition",
      message: "no",
      details: [
        {
          type: "google.protobuf.StringValue",
          value: Buffer.from(
            toBinary(StringValueSchema, {
              $typeName: "google.protobuf.StringValue",
              value: "more",
            }),
          )
            .toString("base64")
            .replace(/=+$/, ""),
        },
        { type: "google.rpc.ErrorInfo" },
      ],
    });
  });

  const malformed: [name: string, body: Uint8Array | string][] = [
    ["nothing", ""],
    ["an array", "[]"],
    ["null", "null"],
    ["a text", '"x"'],
    ["half an object", '{"id"'],
    ["a second value", "{}{}"],
    ["a comment", "{/**/}"],
    ["a wrong type", '{"id":1}'],
    ["a field twice", '{"id":"1","id":"2"}'],
    ["a lone surrogate", '{"text":"\\ud800"}'],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["text that is not UTF-8", Buffer.from('{"text":"\u00ff"}', "latin1")],
    ["an overlong encoding", Buffer.from('{"text":"\u00c0\u0080"}', "latin1")],
    ["100,000 brackets", "[".repeat(60_000)],
  ];
  test.for(malformed)("refuses a body of %s", async ([, body]) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
  });
});

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
