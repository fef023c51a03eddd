import { toBinary } from "@bufbuild/protobuf";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { binaryNote, jsonNote } from "../speak.ts";

const path = "/echo.v1.EchoService/Echo";
const lookPath = "/echo.v1.EchoService/Look";

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

  test("reads a binary message of GET byte by byte, also without base64", async () => {
    await using server = await startEcho();
    const { status, body } = await get(server.url, "encoding=proto&message=%18%aC%80%01%12%01+");
    expect({ status, body }).toEqual({
      status: 200,
      body: Buffer.from([0x12, 1, 0x20, 0x18, 0xac, 0x80, 1]),
    });
  });

  test("takes no message in GET for an empty one", async () => {
    await using server = await startEcho();
    expect(await get(server.url, "encoding=json&message=%7B%7D")).toMatchObject({ status: 200 });
    expect(await get(server.url, "encoding=proto")).toMatchObject({ status: 200 });
  });

  const json = "connect=v1&encoding=json";
  const noBase64 = "the parameter message is not base64";
  test.for<[query: string, status: number, text: string]>([
    ["connect=v1&encoding=xml&message=1", 415, "Send one of these content types"],
    ["connect=v1&message=1", 415, "Send one of these content types"],
    ["connect=v1&encoding=connect%2Bjson&message=1", 415, "Send one of these content types"],
    ["connect=v1&encoding=json%3Bcharset=utf-8&message=1", 415, "Send one of these content types"],
    [`${json}&message=!`, 400, "cannot decode message"],
    [`${json}&message=%7B%22text%22:%22%FF%22%7D`, 400, "not valid UTF-8"],
    ...["%21", "%FF", "A", "e30AA", "e30==A", "==e30=", "e30===", "!e30"].map(
      (message): [string, number, string] => [`${json}&base64=1&message=${message}`, 400, noBase64],
    ),
    [`${json}&compression=zstd&message=%7B%7D`, 501, "unknown compression"],
  ])("refuses GET %s", async ([query, status, text]) => {
    await using server = await startEcho();
    const answer = await get(server.url, query);
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toContain(text);
  });

  test("takes the largest message by GET, and refuses one byte more", async () => {
    const limits = { maxMessageBytes: 20, defaultDeadlineMs: 10_000, maxDeadlineMs: 60_000 };
    await using server = await startEcho({}, { limits });
    const queryOf = (length: number) =>
      `${json}&base64=1&message=${encoded(Buffer.from("{}".padEnd(length)))}`;
    expect(await get(server.url, queryOf(20))).toMatchObject({ status: 200 });
    const { status, body } = await get(server.url, queryOf(21));
    expect(status).toBe(429);
    expect(body.toString()).toContain("message is larger than 20 bytes");
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
