/**
 * A program to be forked: a client that does nothing wrong, over gRPC and REST, on connections of its own
 * that it replaces now and then. It changes two people that nobody else changes, and reads them back.
 *
 * Arguments: the URL, the token, the certificate's file. It receives the name of each phase as a message. At
 * the message "stop" it sends a `GoodClientReport` and ends.
 */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent as PlainAgent, request as plainRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  GetHumanProfileRequestSchema,
  GetHumanProfileResponseSchema,
  UpdateHumanProfileRequestSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { envelope, servicePath } from "../mutations/calls.ts";

/**
 * How the calls of each phase went: latencies in milliseconds, in ascending order, what went wrong, and which calls took
 * long. A change waits for the disk, and a read does not. The first one of a connection waits for that, too.
 */
export type GoodClientReport = Record<
  string,
  { latencies: number[]; errors: string[]; slow: string[] }
>;

/** In milliseconds. */
const slowMs = 500;

/** The pause between two calls, so that the client has time of its own and measures the server. In milliseconds. */
const restMs = 10;

/** A call without an answer after this is an error, also on a busy machine. In milliseconds. */
const patienceMs = 60_000;

/** Calls on one connection. */
const callsPerConnection = 200;

const [url = "", token = "", certFile = ""] = process.argv.slice(2);
/** Another address than the attackers', because the server limits each address. */
const localAddress = "127.0.0.2";

const isTls = url.startsWith("https:");
const ca = readFileSync(certFile);
const report: GoodClientReport = {};
let phase = "start";
let isStopping = false;

/** One person: set the nick name, and read it. */
type Lane = {
  readonly update: (userId: string, nickName: string) => Promise<void>;
  readonly read: (userId: string) => Promise<string | undefined>;
  readonly renew: () => void;
};

const profile = { firstName: "Good", lastName: "Client", displayName: "Good Client" };

function createRestLane(): Lane & { call: typeof call } {
  const createAgent = () =>
    isTls
      ? new TlsAgent({ keepAlive: true, localAddress, ca })
      : new PlainAgent({ keepAlive: true, localAddress });
  let agent = createAgent();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };

  function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const send = isTls ? tlsRequest : plainRequest;
      const request = send(`${url}/management/v1${path}`, {
        agent,
        method,
        headers,
        timeout: patienceMs,
      });
      request.on("timeout", () => request.destroy(new Error("no answer")));
      request.on("error", reject).on("response", (response) => {
        buffer(response).then((bytes) => {
          const text = bytes.toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`${response.statusCode} ${text}`));
        }, reject);
      });
      request.end(body && JSON.stringify(body));
    });
  }

  return {
    call,
    async update(userId, nickName) {
      await call("PUT", `/users/${userId}/profile`, { ...profile, nickName });
    },
    async read(userId) {
      const { profile: read } = await call("GET", `/users/${userId}/profile`);
      return (read as { nickName?: string } | undefined)?.nickName;
    },
    renew() {
      agent.destroy();
      agent = createAgent();
    },
  };
}

function createGrpcLane(): Lane {
  let session: ClientHttp2Session | undefined;
  const open = () => {
    const opened = connect(url, { ca, ...{ localAddress } });
    opened.on("error", (error) => note(`session: ${error.message}`));
    return opened;
  };

  function call(method: string, message: Uint8Array): Promise<Buffer> {
    session ??= open();
    const stream = session.request({
      ":method": "POST",
      ":path": `${servicePath}/${method}`,
      authorization: `Bearer ${token}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const status = new Promise<string>((resolve, reject) => {
      stream.setTimeout(patienceMs, () => stream.destroy(new Error("no answer")));
      stream.on("error", reject);
      stream.on("response", (fields) => {
        if (fields["grpc-status"] !== undefined)
          resolve(`${fields["grpc-status"]} ${fields["grpc-message"]}`);
      });
      stream.on("trailers", (fields) => resolve(String(fields["grpc-status"])));
      stream.on("close", () => reject(new Error(`closed with ${stream.rstCode}`)));
    });
    stream.end(envelope(message));
    return Promise.all([buffer(stream), status]).then(([bytes, code]) => {
      if (code !== "0") throw new Error(`grpc-status ${code}`);
      return bytes.subarray(5);
    });
  }

  return {
    async update(userId, nickName) {
      const message = create(UpdateHumanProfileRequestSchema, { ...profile, userId, nickName });
      await call("UpdateHumanProfile", toBinary(UpdateHumanProfileRequestSchema, message));
    },
    async read(userId) {
      const message = create(GetHumanProfileRequestSchema, { userId });
      const bytes = await call("GetHumanProfile", toBinary(GetHumanProfileRequestSchema, message));
      return fromBinary(GetHumanProfileResponseSchema, bytes).profile?.nickName;
    },
    renew() {
      session?.close();
      session = undefined;
    },
  };
}

const now = () => {
  report[phase] ??= { latencies: [], errors: [], slow: [] };
  return report[phase] as GoodClientReport[string];
};
const note = (text: string) => void now().errors.push(`${new Date().toISOString()} ${text}`);

async function timed<Result>(
  name: string,
  call: () => Promise<Result>,
): Promise<Result | undefined> {
  const startedAt = performance.now();
  try {
    const result = await call();
    const ms = performance.now() - startedAt;
    now().latencies.push(ms);
    if (ms > slowMs) {
      now().slow.push(`${name} of ${Math.round(ms)} ms until ${new Date().toISOString()}`);
    }
    return result;
  } catch (error) {
    note(String(error));
    return undefined;
  } finally {
    await pause(restMs);
  }
}

async function work(name: string, lane: Lane, userId: string): Promise<void> {
  for (let count = 0; !isStopping; count += 1) {
    const isFirst = count % callsPerConnection === 0;
    if (isFirst) lane.renew();
    const nickName = `${name} ${count}`;
    const updated = await timed(`${isFirst ? "first " : ""}change over ${name}`, async () => {
      await lane.update(userId, nickName);
      return nickName;
    });
    const read = await timed(`read over ${name}`, () => lane.read(userId));
    // An update that failed has been noted, and may be stored or not.
    if (updated === undefined || read === undefined) continue;
    if (read !== updated) note(`${updated} became ${read}`);
  }
  lane.renew();
}

process.on("message", (told: string) => {
  if (told === "stop") isStopping = true;
  else phase = told;
});
// If the parent dies, nobody else stops this program.
process.once("disconnect", () => process.exit(1));

const rest = createRestLane();
async function addPerson(): Promise<string> {
  const userName = `${randomUUID()}@good.example`;
  const email = { email: userName, isEmailVerified: true };
  const { userId } = await rest.call("POST", "/users/human", { userName, profile, email });
  return String(userId);
}
const people = [await addPerson(), await addPerson()] as const;
process.send?.("ready");
await Promise.all([work("rest", rest, people[0]), work("grpc", createGrpcLane(), people[1])]);
for (const { latencies } of Object.values(report)) latencies.sort((a, b) => a - b);
process.send?.(report, () => process.disconnect());
