import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { retireInTime } from "../../../src/wire/http/retire.ts";
import { openHttp2, requestHttp2 } from "../raw.ts";

/** A server of `node:http2` whose streams are answered when `answer` is called, or at once. */
async function startServer(onSession: (session: ServerHttp2Session) => () => void) {
  const held: (() => void)[] = [];
  const server = createServer();
  server.on("session", (session) => {
    const opened = onSession(session);
    session.on("stream", (stream, headers) => {
      opened();
      const respond = () => {
        stream.respond({ ":status": 200 });
        stream.end("answered");
      };
      if (headers[":path"] === "/held") held.push(respond);
      else respond();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    held,
    answer() {
      for (const respond of held.splice(0)) respond();
    },
    [Symbol.dispose]: () => server.close(),
  };
}

/** Too long to matter here. */
const never = 1_000_000;

describe("retireInTime", () => {
  test("closes a connection on which no stream was opened for a while", async () => {
    using server = await startServer((session) =>
      retireInTime(session, { lookMs: 20, maxAgeMs: never }),
    );
    using client = openHttp2(server.port);
    const goAway = once(client, "goaway");
    expect(await requestHttp2(client, { ":path": "/" })).toMatchObject({ status: 200 });
    expect((await goAway)[0]).toBe(0);
  });

  test("lets a stream end that is open when its connection has grown old", async () => {
    using server = await startServer((session) =>
      retireInTime(session, { lookMs: never, maxAgeMs: 20 }),
    );
    using client = openHttp2(server.port);
    const goAway = once(client, "goaway");
    const answer = requestHttp2(client, { ":path": "/held" });
    expect((await goAway)[0]).toBe(0);
    server.answer();
    expect(await answer).toMatchObject({ status: 200 });
  });
});
