import { brotliCompressSync, gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";
import { openHttp2, requestHttp2 } from "../raw.ts";
import { binaryNote, envelope, jsonNote, speakers } from "../speak.ts";

const grpcHeaders = {
  ":method": "POST",
  ":path": "/echo.v1.EchoService/Echo",
  "content-type": "application/grpc",
};

describe("the body of a gRPC call is refused if it is", () => {
  const message = binaryNote();
  test.for([
    { name: "empty", body: Buffer.alloc(0), code: Code.Unimplemented },
    {
      name: "two messages",
      body: Buffer.concat([envelope(message), envelope(message)]),
      code: Code.Unimplemented,
    },
    {
      name: "a message and a byte",
      body: Buffer.concat([envelope(message), Buffer.of(0)]),
      code: Code.InvalidArgument,
    },
    { name: "half a head", body: Buffer.of(0, 0, 0), code: Code.InvalidArgument },
    {
      name: "shorter than it says",
      body: envelope(message, 0, message.byteLength + 1),
      code: Code.InvalidArgument,
    },
    {
      name: "longer than it says",
      body: envelope(message, 0, message.byteLength - 1),
      code: Code.InvalidArgument,
    },
    {
      name: "said to be above the limit",
      body: envelope(message, 0, 65_537),
      code: Code.ResourceExhausted,
    },
    {
      name: "said to be 4 GB",
      body: envelope(message, 0, 0xffffffff),
      code: Code.ResourceExhausted,
    },
    { name: "an end of stream", body: envelope(message, 2), code: Code.InvalidArgument },
    { name: "trailers", body: envelope(message, 0x80), code: Code.InvalidArgument },
    { name: "all flags", body: envelope(message, 0xff), code: Code.InvalidArgument },
    { name: "compressed without a name", body: envelope(message, 1), code: Code.Internal },
    {
      name: "a varint without end",
      body: envelope(Buffer.alloc(12, 0xff)),
      code: Code.InvalidArgument,
      text: "parse binary: ",
    },
    {
      name: "field number 0",
      body: envelope(Buffer.of(0, 1)),
      code: Code.InvalidArgument,
      text: "parse binary: illegal tag",
    },
    {
      name: "a text that runs out",
      body: envelope(Buffer.of(0x0a, 99, 65)),
      code: Code.InvalidArgument,
      text: "parse binary: ",
    },
    {
      name: "text that is not UTF-8",
      body: envelope(Buffer.of(0x0a, 2, 0xc3, 0x28)),
      code: Code.InvalidArgument,
      text: "parse binary: ",
    },
    {
      name: "a thousand nested groups",
      body: envelope(Buffer.alloc(1000, 0x23)),
      code: Code.InvalidArgument,
      text: "parse binary: ",
    },
  ])("$name", async ({ body, code, text = "" }) => {
    let calls = 0;
    await using server = await startEcho({
      echo(note) {
        calls += 1;
        return note;
      },
    });
    using session = openHttp2(server.port);
    const { trailers } = await requestHttp2(session, grpcHeaders, body);
    expect(trailers["grpc-status"]).toBe(String(code));
    expect(trailers["grpc-message"]).toContain(text);
    expect(calls).toBe(0);
    const good = await requestHttp2(session, grpcHeaders, envelope(message));
    expect(good.trailers["grpc-status"]).toBe("0");
  });
});

describe("the largest message", () => {
  const limits = { maxMessageBytes: 1000, defaultDeadlineMs: 10_000, maxDeadlineMs: 60_000 };
  test.for(speakers)("is taken and one byte more is refused: $name", async ({ name, say }) => {
    await using server = await startEcho({}, { limits });
    const plain = name === "Connect JSON" || name === "REST" ? jsonNote : binaryNote;
    const overhead = plain({ text: "x".repeat(200) }).byteLength - 200;
    const textOf = (bytes: number) => ({ text: "x".repeat(bytes - overhead) });
    expect(await say(server, { payload: plain(textOf(1000)) })).toMatchObject({ code: 0 });
    expect(await say(server, { payload: plain(textOf(1001)) })).toMatchObject({
      code: Code.ResourceExhausted,
      details: ["google.rpc.ErrorInfo"],
    });
  });
});

describe("a compressed message", () => {
  for (const encoding of ["gzip", "br"] as const) {
    test.for(speakers)(`in ${encoding} is understood: $name`, async ({ say }) => {
      await using server = await startEcho();
      const note = { id: "7", text: "wide ".repeat(200) };
      expect(await say(server, { note, encoding })).toMatchObject({ code: 0, note });
    });

    test.for(speakers)(`in ${encoding} that unfolds too far is refused: $name`, async ({ say }) => {
      await using server = await startEcho();
      const compress = encoding === "gzip" ? gzipSync : brotliCompressSync;
      const payload = compress(Buffer.alloc(10e6));
      expect(await say(server, { payload, encoding })).toMatchObject({
        code: Code.ResourceExhausted,
        message: "message is larger than 65536 bytes",
      });
    });

    test.for(speakers)(`in ${encoding} that is corrupt is refused: $name`, async ({ say }) => {
      await using server = await startEcho();
      const payload = Buffer.from("neither gzip nor brotli");
      expect(await say(server, { payload, encoding })).toMatchObject({
        code: Code.InvalidArgument,
        message: "the compressed message is corrupt",
      });
    });
  }

  test.for(speakers)("that breaks off is refused: $name", async ({ say }) => {
    await using server = await startEcho();
    const payload = gzipSync(jsonNote()).subarray(0, -9);
    expect(await say(server, { payload, encoding: "gzip" })).toMatchObject({
      code: Code.InvalidArgument,
    });
  });

  const names = ["gzip, gzip", "gzip,br", "deflate", "zstd", "gzip2", "constructor"];
  const cases = speakers.flatMap((speaker) => names.map((encoding) => ({ ...speaker, encoding })));
  test.for(cases)('named "$encoding" is refused: $name', async ({ say, encoding }) => {
    await using server = await startEcho();
    const headers = { "grpc-encoding": encoding, "content-encoding": encoding };
    const reply = await say(server, { headers });
    expect(reply).toMatchObject({
      code: Code.Unimplemented,
      message: `unknown compression "${encoding}": supported encodings are gzip,br`,
    });
  });

  test.for(speakers)('named "identity" is plain: $name', async ({ say }) => {
    await using server = await startEcho();
    const headers = { "grpc-encoding": "identity", "content-encoding": "identity" };
    expect(await say(server, { headers })).toMatchObject({ code: 0 });
  });

  test("of no bytes is not decompressed in Connect", async () => {
    await using server = await startEcho();
    const response = await fetch(`${server.url}/echo.v1.EchoService/Echo`, {
      method: "POST",
      headers: { "content-type": "application/proto", "content-encoding": "gzip" },
    });
    expect(response.status).toBe(200);
  });
});

describe("an answer is compressed", () => {
  const note = { id: "7", text: "wide ".repeat(500) };
  test.for([
    { accept: "gzip", want: "gzip" },
    { accept: "br", want: "br" },
    { accept: "deflate, br;q=0.5, gzip", want: "br" },
    { accept: "gzip;q=0, br", want: "br" },
    { accept: "deflate", want: null },
    { accept: "identity", want: null },
  ])("as $accept asks", async ({ accept, want }) => {
    await using server = await startEcho();
    for (const { name, say } of speakers.filter(({ protocol }) => !protocol.startsWith("grpc"))) {
      const { headers, note: received } = await say(server, {
        note,
        headers: { "accept-encoding": accept },
      });
      expect({ name, encoding: headers.get("content-encoding"), text: received?.text }).toEqual({
        name,
        encoding: want,
        text: note.text,
      });
    }
  });

  test.for(speakers.filter(({ protocol }) => protocol.startsWith("grpc")))(
    "as grpc-accept-encoding asks: $name",
    async ({ say }) => {
      await using server = await startEcho();
      const headers = { "grpc-accept-encoding": "zstd,gzip" };
      const reply = await say(server, { note, headers });
      expect(reply).toMatchObject({ code: 0, note });
      expect(reply.headers.get("grpc-encoding")).toBe("gzip");
      expect(reply.headers.get("grpc-accept-encoding")).toBe("gzip,br");
    },
  );

  test.for(speakers)("unless it is small: $name", async ({ say }) => {
    await using server = await startEcho();
    const headers = { "accept-encoding": "gzip" };
    const reply = await say(server, { headers });
    expect(reply).toMatchObject({ code: 0, note: { text: "hello" } });
    expect(reply.headers.get("content-encoding")).toBeNull();
  });
});
