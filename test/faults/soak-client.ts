/**
 * A program to be forked: changes profiles over gRPC as fast as they are answered, a different one
 * each time. At "report" it tells what it saw since the last time, at "stop" it ends.
 *
 * Arguments: the URL, the token.
 */

import { type ClientHttp2Session, connect } from "node:http2";
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

async function call(session: ClientHttp2Session, method: string, message: Uint8Array) {
  const stream = session.request({
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
  const body = await buffer(stream);
  if (status !== "0") throw new Error(`grpc-status ${status}`);
  return body.subarray(5);
}

async function addUser(session: ClientHttp2Session, number: number): Promise<string> {
  const { gender: _, ...profile } = profileOfNumber(number);
  const request = create(ImportHumanUserRequestSchema, {
    userName: `user ${number}`,
    profile,
    email: { email: "some@giraffe.example" },
  });
  const body = await call(
    session,
    "ImportHumanUser",
    toBinary(ImportHumanUserRequestSchema, request),
  );
  return fromBinary(ImportHumanUserResponseSchema, body).userId;
}

async function work(session: ClientHttp2Session, ids: readonly string[]): Promise<void> {
  while (!isStopping) {
    const number = updates++;
    const { gender: _, ...profile } = profileOfNumber(number);
    const userId = ids[number % ids.length] ?? "";
    const request = create(UpdateHumanProfileRequestSchema, { userId, ...profile });
    const startedAt = performance.now();
    try {
      await call(session, "UpdateHumanProfile", toBinary(UpdateHumanProfileRequestSchema, request));
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

// Without its parent nobody would ever stop it.
process.once("disconnect", () => process.exit(1));
process.on("message", (told: string) => {
  if (told === "stop") isStopping = true;
  else process.send?.(report());
});

const sessions = Array.from({ length: shape.connections }, () => connect(url));
const ids: string[] = [];
while (ids.length < users) {
  const some = Array.from({ length: 100 }, (_, index) =>
    addUser(sessions[index % sessions.length] as ClientHttp2Session, ids.length + index),
  );
  ids.push(...(await Promise.all(some)));
}
updates = users + 1;
process.send?.("ready");
since = performance.now();
await Promise.all(
  sessions.flatMap((session) => Array.from({ length: shape.calls }, () => work(session, ids))),
);
for (const session of sessions) session.close();
process.disconnect();
