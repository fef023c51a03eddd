import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { binaryNote, envelope, openEnvelopes } from "../speak.ts";

const path = "/echo.v1.EchoService/Echo";
const framed = (bytes: Uint8Array) => new Uint8Array(envelope(bytes));

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

  test("takes text of nothing for no message", async () => {
    await using server = await startEcho();
    await call(server.url, "application/grpc-web-text", " ");
    expect(server.outcomes).toMatchObject([{ error: { code: Code.Unimplemented } }]);
  });
});
