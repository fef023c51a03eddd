import { once } from "node:events";
import { connect } from "node:net";
import type { LoadCall, Open } from "./load.ts";
import { turnOf } from "./turn.ts";

/** HTTP/1.1 with keep-alive and one call at a time. */
export const openHttp1: Open = async (port, call, onAnswers) => {
  const requests = requestsOf(port, call);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");

  let isOver = false;
  let seen: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const body = readAnswer(seen, call.isRefused === true ? "HTTP/1.1 401 " : "HTTP/1.1 200 ");
    if (body === undefined) return;
    seen = Buffer.alloc(0);
    onAnswers([body]);
  });
  socket.on("close", () => {
    if (!isOver) throw new Error("the server closed the connection");
  });

  return {
    send: () => socket.write(requests.next()),
    close() {
      isOver = true;
      socket.destroy();
    },
  };
};

type Requests = { readonly port: number; readonly call: LoadCall; next(): Buffer };

/** The requests, made once for all connections, which send them in turn. */
let latest: Requests | undefined;

function requestsOf(port: number, call: LoadCall): Requests {
  if (latest?.port === port && latest.call === call) return latest;
  const made = (call.variants ?? [call]).map((each) => requestBytes(port, { ...call, ...each }));
  const turn = turnOf(port);
  latest = {
    port,
    call,
    next() {
      turn.at = (turn.at + 1) % made.length;
      return made[turn.at] as Buffer;
    },
  };
  return latest;
}

function requestBytes(port: number, { verb, path, headers, body }: LoadCall): Buffer {
  const fields = { host: `127.0.0.1:${port}`, ...headers, "content-length": body.byteLength };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${verb} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"),
    body,
  ]);
}

/** @returns The body; `undefined` as long as it is not whole. */
function readAnswer(seen: Buffer, beginning: string): Buffer | undefined {
  const headEnd = seen.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = seen.toString("latin1", 0, headEnd);
  if (!head.startsWith(beginning)) throw new Error(head);
  const rest = seen.subarray(headEnd + 4);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return rest.byteLength < Number(length) ? undefined : rest;
  // One call is in flight, so its last chunk is the end of what was read.
  const end = rest.toString("latin1", Math.max(0, rest.byteLength - 5));
  return end === "0\r\n\r\n" ? joinChunks(rest) : undefined;
}

function joinChunks(chunked: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = chunked.indexOf("\r\n", at);
    const length = Number.parseInt(chunked.toString("latin1", at, lineEnd), 16);
    if (length === 0) return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks.push(chunked.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}
