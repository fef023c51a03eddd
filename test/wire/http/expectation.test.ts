import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../../src/wire/http/exchange.ts";
import { type Expectation, expectationOf } from "../../../src/wire/http/expectation.ts";
import type { WireOptions } from "../../../src/wire/index.ts";
import { startEcho } from "../echo.ts";
import { exchangeRaw, openHttp2, openRaw, statuses } from "../raw.ts";
import { binaryNote, envelope } from "../speak.ts";

const refuses: NonNullable<WireOptions["requestGate"]> = async () => {
  await sleep(5);
  throw new ConnectError("who are you?", Code.Unauthenticated);
};

const put = "PUT /api/v1/notes/7 HTTP/1.1";
const post = "POST /echo.v1.EchoService/Echo HTTP/1.1";
const json = "Content-Type: application/json";

/** Of HTTP/1.1, without the body. */
function headOf(start: string, ...fields: string[]): string {
  return [start, "Host: a", "Expect: 100-continue", ...fields, "\r\n"].join("\r\n");
}

describe("what the header Expect asks for", () => {
  test.for<{
    expect: string | undefined;
    want: Expectation;
    httpVersion?: RequestHead["httpVersion"];
  }>([
    { expect: undefined, want: "none" },
    { expect: "", want: "none" },
    { expect: ",", want: "none" },
    { expect: " , ", want: "none" },
    { expect: "100-continue", want: "continue" },
    { expect: ", 100-Continue ,100-continue", want: "continue" },
    { expect: "wonders", want: "unknown" },
    { expect: "100-continue, wonders", want: "unknown" },
    { expect: "x-100-continue", want: "unknown" },
    { expect: "100-continue;q=1", want: "unknown" },
    { expect: "100-continue", httpVersion: "2", want: "continue" },
    { expect: "wonders", httpVersion: "1.0", want: "none" },
  ])("%j", ({ want, expect: wish, httpVersion = "1.1" }) => {
    const headers = wish === undefined ? {} : { expect: wish };
    const head = { method: "PUT", path: "/", query: "", peer: "127.0.0.1", httpVersion, headers };
    expect(expectationOf(head)).toBe(want);
  });
});

describe("D3: Expect: 100-continue over HTTP/1.1", () => {
  test.for(["100-continue", "100-Continue", "100-continue, 100-continue"])(
    "%s is answered when the body is wanted",
    async (expectation) => {
      await using server = await startEcho();
      using connection = await openRaw(server.port);
      const head = headOf(put, "Content-Length: 15").replace("100-continue", expectation);
      for (const count of [1, 2]) {
        connection.send(head);
        const soFar = () => statuses(connection.received);
        await expect.poll(soFar).toHaveLength(2 * count - 1);
        connection.send(`{"text":"held"}`);
        await expect.poll(soFar).toHaveLength(2 * count);
      }
      expect(statuses(connection.received)).toEqual([100, 200, 100, 200]);
    },
  );

  test.concurrent.for([
    { name: "no path", head: headOf("POST /nowhere HTTP/1.1", "Content-Length: 9"), want: 404 },
    { name: "a wrong verb", head: headOf("POST /page HTTP/1.1", "Content-Length: 9"), want: 405 },
    {
      name: "a wrong content type",
      head: headOf(post, "Content-Type: text/plain", "Content-Length: 9"),
      want: 415,
    },
    { name: "too large a body", head: headOf(put, "Content-Length: 1000000"), want: 429 },
    {
      name: "a bad timeout",
      head: headOf(post, json, "Connect-Timeout-Ms: soon", "Content-Length: 9"),
      want: 400,
    },
    {
      name: "an unknown compression",
      head: headOf(put, "Content-Encoding: zstd", "Content-Length: 9"),
      want: 501,
    },
    {
      name: "a bad host",
      head: headOf(put, "Content-Length: 9").replace("Host: a", "Host: a b"),
      want: 400,
    },
    { name: "a page", head: headOf("GET /page HTTP/1.1", "Content-Length: 9"), want: 200 },
  ])("gets the final status at once for $name", async ({ head, want }) => {
    await using server = await startEcho();
    const received = await exchangeRaw(server.port, head);
    expect(statuses(received)).toEqual([want]);
    expect(received).toMatch(/connection: close/i);
    expect(server.outcomes).toMatchObject([{ status: want }]);
  });

  test.concurrent.for([
    { protocol: "REST", head: headOf(put, "Content-Length: 9"), want: 401 },
    { protocol: "Connect", head: headOf(post, json, "Content-Length: 9"), want: 401 },
    {
      protocol: "gRPC-Web",
      head: headOf(post, "Content-Type: application/grpc-web", "Transfer-Encoding: chunked"),
      want: 200,
    },
    {
      protocol: "a stream",
      head: headOf(
        "POST /echo.v1.EchoService/Spread HTTP/1.1",
        "Content-Type: application/grpc-web",
        "Transfer-Encoding: chunked",
      ),
      want: 200,
    },
  ])("gets the final status at once when the gate refuses: $protocol", async ({ head, want }) => {
    await using server = await startEcho({}, { requestGate: refuses });
    const received = await exchangeRaw(server.port, head);
    expect(statuses(received)).toEqual([want]);
    expect(received).toMatch(/connection: close/i);
    expect(server.outcomes).toMatchObject([{ error: { code: Code.Unauthenticated } }]);
  });

  test("is answered once when a stream is let in", async () => {
    await using server = await startEcho({
      async *spread(note) {
        yield note;
        yield note;
      },
    });
    using connection = await openRaw(server.port);
    const body = envelope(binaryNote());
    connection.send(
      headOf(
        "POST /echo.v1.EchoService/Spread HTTP/1.1",
        "Content-Type: application/grpc-web",
        `Content-Length: ${body.byteLength}`,
      ),
    );
    await connection.until(/100 Continue\r\n\r\n$/);
    connection.send(body);
    expect(statuses(await connection.until(/grpc-status: 0/))).toEqual([100, 200]);
  });

  test("is not answered when the body is there already", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(`${headOf(put, "Content-Length: 2")}{}`);
    expect(statuses(await connection.until(/"id":"7"/))).toEqual([200]);
  });

  test("counts for nothing in HTTP/1.0", async () => {
    await using server = await startEcho();
    const head = headOf(put.replace("1.1", "1.0"), "Content-Length: 2");
    const received = await exchangeRaw(server.port, `${head}{}`);
    expect(statuses(received)).toEqual([200]);
  });

  test.concurrent("is refused when it is another", async () => {
    await using server = await startEcho();
    const head = headOf(put, "Content-Length: 9").replace("100-continue", "wonders");
    expect(statuses(await exchangeRaw(server.port, head))).toEqual([417]);
    expect(server.outcomes).toMatchObject([{ protocol: "http", status: 417 }]);
  });

  test("is not answered when it is empty", async () => {
    await using server = await startEcho();
    using connection = await openRaw(server.port);
    connection.send(headOf(put, "Content-Length: 2").replace("100-continue", ","));
    connection.send("{}");
    expect(statuses(await connection.until(/"id":"7"/))).toEqual([200]);
  });
});

describe("D3: expect: 100-continue over HTTP/2", () => {
  const headers = {
    ":method": "POST",
    ":path": "/echo.v1.EchoService/Echo",
    "content-type": "application/grpc",
    expect: "100-continue",
  };

  /** The statuses of all answers, once the stream has ended. */
  async function statusesOf(stream: ClientHttp2Stream): Promise<number[]> {
    const seen: number[] = [];
    stream.on("error", () => undefined);
    stream.on("headers", (received) => seen.push(Number(received[":status"])));
    stream.on("response", (received) => seen.push(Number(received[":status"])));
    stream.resume();
    await once(stream, "close");
    return seen;
  }

  test("is answered when the body is wanted", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const stream = session.request(headers, { endStream: false });
    stream.once("continue", () => stream.end(envelope(binaryNote())));
    expect(await statusesOf(stream)).toEqual([100, 200]);
    expect(server.outcomes).toMatchObject([{ error: undefined }]);
  });

  test.concurrent("gets the final status at once when the gate refuses", async () => {
    await using server = await startEcho({}, { requestGate: refuses });
    using session = openHttp2(server.port);
    expect(await statusesOf(session.request(headers, { endStream: false }))).toEqual([200]);
    expect(server.outcomes).toMatchObject([{ error: { code: Code.Unauthenticated } }]);
  });

  test.concurrent("is refused when it is another", async () => {
    await using server = await startEcho();
    using session = openHttp2(server.port);
    const stream = session.request({ ...headers, expect: "wonders" }, { endStream: false });
    expect(await statusesOf(stream)).toEqual([417]);
  });
});
