import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openHttp2, requestHttp2 } from "../raw.ts";
import { binaryNote, envelope, jsonNote } from "../speak.ts";

const path = "/echo.v1.EchoService/Echo";
const lookPath = "/echo.v1.EchoService/Look";
const talkPath = "/echo.v1.EchoService/Talk";
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
  const streamTypes = "application/connect+proto, application/connect+json";
  test.for<[contentType: string, accepted: string, target?: string]>([
    ["text/plain", connectTypes],
    ["", connectTypes],
    ["application/jsonx", connectTypes],
    ["application/json; charset=latin1", connectTypes],
    ["application/x-www-form-urlencoded", connectTypes],
    ["application/connect+json", connectTypes],
    ["application/grpcx", connectTypes],
    ["x-application/grpc", connectTypes],
    ["x-application/grpc-web", connectTypes],
    ["application/grpc+xml", "application/grpc, application/grpc+json"],
    ["application/grpc; charset=utf-8", "application/grpc, application/grpc+json"],
    ["application/grpc-web+xml", "application/grpc-web, application/grpc-web-text"],
    ["application/grpc-web-textual", connectTypes],
    ["application/json", streamTypes, talkPath],
    ["", streamTypes, talkPath],
    ["application/grpc+xml", "application/grpc, application/grpc+json", talkPath],
    ["application/grpc-web-text;x=1", "application/grpc-web, application/grpc-web-text", talkPath],
  ])("%s", async ([contentType, accepted, target = path]) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${target}`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: new Uint8Array(jsonNote()),
    });
    expect(response.status).toBe(415);
    expect(response.headers.get("accept-post")).toBe(accepted);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(await response.text()).toBe(`Send one of these content types: ${accepted}\n`);
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
    { verb: "GET", target: talkPath, contentType: "application/grpc-web", allow: "POST" },
    { verb: "PUT", target: talkPath, contentType: "application/connect+json", allow: "POST" },
    { verb: "DELETE", target: "/api/v1/notes/7", contentType: "", allow: "GET, PUT" },
  ])("$verb $target as $contentType", async ({ verb, target, contentType, allow }) => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}${target}`, {
      method: verb,
      headers: { "content-type": contentType },
    });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    expect([response.headers.get("content-type"), await response.text()]).toEqual(
      target.startsWith("/api/")
        ? ["application/json", '{"code":12,"message":"Method Not Allowed"}']
        : ["text/plain; charset=utf-8", `This path takes ${allow} only.\n`],
    );
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
    ...["/echo.v1.EchoService/Nothing", "/echo.v1.EchoService/echo"].map((target) => ({
      target,
      want: `unknown method ${target}\n`,
    })),
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
