import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { closeConnections, send } from "./http.ts";

test("what waits on a connection that the server retires is sent over the next one", async () => {
  let sessions = 0;
  const server = createServer({ settings: { maxConcurrentStreams: 1 } })
    .on("session", () => {
      sessions += 1;
    })
    .on("stream", (stream) => {
      if (sessions === 1) stream.session?.goaway();
      stream.respond({ ":status": 200 });
      stream.end("served");
    })
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    closeConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const replies = await Promise.all(
    Array.from({ length: 3 }, () => send("h2c", url, { method: "GET", path: "/" })),
  );
  expect(replies.map(({ status, body }) => [status, body.toString()])).toEqual(
    Array(3).fill([200, "served"]),
  );
  expect(sessions).toBeGreaterThan(1);
});
