import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";

/** A TCP connection of which every byte is seen. */
export interface RawConnection extends Disposable {
  send(data: string | Uint8Array): void;
  /** Read nothing from now on. */
  pause(): void;
  /** Read again. */
  resume(): void;
  /** Bytes that were sent and that neither the server nor the system has taken. */
  stuck(): number;
  /** Everything received so far, one character for each byte. */
  readonly received: string;
  /** Resolves with everything received once it matches. Rejects if the server closes before. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with everything received once the server has closed. */
  closed(): Promise<string>;
}

/** @param localAddress Who the client is, such as 127.0.0.2. Default: 127.0.0.1. */
export async function openRaw(port: number, localAddress?: string): Promise<RawConnection> {
  const socket = connectTcp({ port, host: "127.0.0.1", ...(localAddress && { localAddress }) });
  await once(socket, "connect");
  return watch(socket);
}

/** @param socket Connected: TCP or TLS. */
export function watch(socket: Socket): RawConnection {
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
  });
  // A reset is one way in which a server closes.
  socket.on("error", () => undefined);
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
  return {
    send: (data) => void socket.write(data),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    stuck: () => socket.writableLength,
    get received() {
      return received;
    },
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(received)) resolve(received);
        };
        look();
        socket.on("data", look);
        void closed.then(() => reject(new Error(`closed after ${JSON.stringify(received)}`)));
      }),
    closed: () => closed,
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Send these bytes on a connection of their own; everything that comes until the server closes. */
export async function exchangeRaw(port: number, data: string | Uint8Array): Promise<string> {
  using connection = await openRaw(port);
  connection.send(data);
  return await connection.closed();
}

/** The status codes of all HTTP/1.1 answers in a text. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

/** The answer to a request over HTTP/2. */
export type Http2Answer = {
  /** NaN without an answer. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of the RST_STREAM frame; 0 without one. */
  readonly reset: number;
};

/** An HTTP/2 connection with prior knowledge. */
export function openHttp2(port: number): ClientHttp2Session & Disposable {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

/** @param isWhole Without it the request is left unfinished. */
export function requestHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: Uint8Array | string = "",
  isWhole = true,
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: false });
    let answerHeaders: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      answerHeaders = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () =>
      resolve({
        status: Number(answerHeaders[":status"]),
        headers: answerHeaders,
        trailers,
        body: Buffer.concat(chunks),
        reset: stream.rstCode,
      }),
    );
    if (body.length > 0) stream.write(body);
    if (isWhole) stream.end();
  });
}

/** One frame of HTTP/2 (RFC 9113 section 4.1). */
export function http2Frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const frame = Buffer.alloc(9 + payload.byteLength);
  frame.writeUIntBE(payload.byteLength, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(streamId, 5);
  frame.set(payload, 9);
  return frame;
}

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const frameFlags = { endStream: 1, endHeaders: 4 } as const;

/** What a client sends first. */
export const http2Opening = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  http2Frame(frameTypes.settings, 0, 0),
]);

/** A header block in HPACK's plainest form: literal, not indexed, no Huffman (RFC 7541 section 6.2.2). */
export function headerBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), hpackText(name), hpackText(value)]),
  );
}

function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const head: number[] = [Math.min(bytes.byteLength, 127)];
  for (let rest = bytes.byteLength - 127; rest >= 0; rest >>= 7) {
    head.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}

export type Http2Frame = {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
};

/** The frames in what was received. */
export function framesOf(received: string): Http2Frame[] {
  const bytes = Buffer.from(received, "latin1");
  const frames: Http2Frame[] = [];
  for (let at = 0; at + 9 <= bytes.byteLength; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}
