/**
 * A program to be forked: it changes profiles over gRPC as fast as the calls are answered, always another
 * profile. At the message "report" it sends what it has seen since the last report, at "stop" it ends.
 *
 * Arguments: the URL, the token.
 */

import { type ClientHttp2Session, connect, constants } from "node:http2";
import { createHistogram } from "node:perf_hooks";
import { buffer } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ImportHumanUserRequestSchema,
  ImportHumanUserResponseSchema,
  UpdateHumanProfileRequestSchema,
} from "../../gen/zitadel/management_pb.ts";
import { profileOfNumber } from "./history/history.ts";
import { envelope, servicePath } from "./mutations/calls.ts";

/** What clients saw in about a minute. */
export type MinuteOfLoad = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: readonly string[];
};

/** Calls in flight on each connection, and connections. */
const shape = { calls: 32, connections: 4 };
const users = 10_000;

const [url = "", token = ""] = process.argv.slice(2);
let latencies = createHistogram();
let errors: string[] = [];
let since = performance.now();
let updates = 0;
let isStopping = false;

/** A connection. It is replaced when the server has sent GOAWAY. */
type Line = { session: ClientHttp2Session };

async function call(line: Line, method: string, message: Uint8Array): Promise<Buffer> {
  if (line.session.closed) line.session = connect(url);
  const stream = line.session.request({
    ":method": "POST",
    ":path": `${servicePath}/${method}`,
    authorization: `Bearer ${token}`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  let status = "none";
  stream.on("response", (fields) => {
    status = String(fields["grpc-status"] ?? status);
  });
  stream.on("trailers", (fields) => {
    status = String(fields["grpc-status"]);
  });
  stream.end(envelope(message));
  const body = await buffer(stream).catch((error) => {
    // The server has sent GOAWAY at the same time and has ignored the call. Every gRPC client sends it again.
    if (stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM) throw error;
  });
  if (body === undefined) return call(line, method, message);
  if (status !== "0") throw new Error(`grpc-status ${status}`);
  return body.subarray(5);
}

async function addUser(line: Line, number: number): Promise<string> {
  const { gender: _, ...profile } = profileOfNumber(number);
  const request = create(ImportHumanUserRequestSchema, {
    userName: `user ${number}`,
    profile,
    email: { email: "some@giraffe.example" },
  });
  const body = await call(line, "ImportHumanUser", toBinary(ImportHumanUserRequestSchema, request));
  return fromBinary(ImportHumanUserResponseSchema, body).userId;
}

async function work(line: Line, ids: readonly string[]): Promise<void> {
  while (!isStopping) {
    const number = updates++;
    const { gender: _, ...profile } = profileOfNumber(number);
    const userId = ids[number % ids.length] ?? "";
    const request = create(UpdateHumanProfileRequestSchema, { userId, ...profile });
    const startedAt = performance.now();
    try {
      await call(line, "UpdateHumanProfile", toBinary(UpdateHumanProfileRequestSchema, request));
      latencies.record(Math.max(1, Math.round((performance.now() - startedAt) * 1_000)));
    } catch (error) {
      if (errors.push(String(error)) > 1_000) throw error;
    }
  }
}

function report(): MinuteOfLoad {
  const seconds = (performance.now() - since) / 1_000;
  const told = {
    perSecond: latencies.count / seconds,
    p50Ms: latencies.percentile(50) / 1_000,
    p99Ms: latencies.percentile(99) / 1_000,
    errors,
  };
  latencies = createHistogram();
  errors = [];
  since = performance.now();
  return told;
}

// If the parent dies, nobody else stops this program.
process.once("disconnect", () => process.exit(1));
process.on("message", (told: string) => {
  if (told === "stop") isStopping = true;
  else process.send?.(report());
});

const lines = Array.from({ length: shape.connections }, () => ({ session: connect(url) }));
const ids: string[] = [];
while (ids.length < users) {
  const some = Array.from({ length: 100 }, (_, index) =>
    addUser(lines[index % lines.length] as Line, ids.length + index),
  );
  ids.push(...(await Promise.all(some)));
}
updates = users + 1;
process.send?.("ready");
since = performance.now();
await Promise.all(
  lines.flatMap((line) => Array.from({ length: shape.calls }, () => work(line, ids))),
);
for (const { session } of lines) session.close();
process.disconnect();
