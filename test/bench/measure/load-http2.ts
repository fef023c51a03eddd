import { once } from "node:events";
import { connect } from "node:net";
import type { LoadCall, Open } from "./load.ts";
import { turnOf } from "./turn.ts";

/** RFC 9113 section 6. */
const frameTypes = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8 };
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const frameHeadBytes = 9;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** Credit for the bodies of answers, beyond the 64 KiB that every connection begins with. */
const credit = 2 ** 30;

/**
 * HTTP/2 with prior knowledge, frame by frame. After the first call the request headers are in the header
 * table of the server, as with real clients. Answer headers are not read, because a wrong answer is noticed
 * by its body.
 *
 * It ignores the flow control of the server, because never more than 64 KiB are in flight.
 */
export const openHttp2: Open = async (port, call, onAnswers) => {
  const [opening, following] = blocksOf(port, call);
  const nextBody = bodiesOf(port, call);
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const increment = Buffer.alloc(4);
  increment.writeUInt32BE(credit);
  socket.write(
    Buffer.concat([
      Buffer.from(preface),
      frame(frameTypes.settings, 0, 0, Buffer.alloc(0)),
      frame(frameTypes.window, 0, 0, increment),
    ]),
  );

  let isOver = false;
  let nextStream = 1;
  let seen: Buffer = Buffer.alloc(0);
  /** Bodies of the streams that have begun to answer. */
  const bodies = new Map<number, Buffer>();

  socket.on("data", (chunk: Buffer) => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const answered: Uint8Array[] = [];
    let at = 0;
    while (seen.byteLength >= at + frameHeadBytes) {
      const length = seen.readUIntBE(at, 3);
      const end = at + frameHeadBytes + length;
      if (seen.byteLength < end) break;
      const [type, flags] = [seen[at + 3] ?? 0, seen[at + 4] ?? 0];
      const stream = seen.readUInt32BE(at + 5);
      const payload = seen.subarray(at + frameHeadBytes, end);
      at = end;
      if (type === frameTypes.data) {
        const before = bodies.get(stream);
        bodies.set(stream, before === undefined ? payload : Buffer.concat([before, payload]));
      } else if (type === frameTypes.settings && (flags & ack) === 0) {
        socket.write(frame(frameTypes.settings, ack, 0, Buffer.alloc(0)));
      } else if (type === frameTypes.ping && (flags & ack) === 0) {
        socket.write(frame(frameTypes.ping, ack, 0, payload));
      } else if (type === frameTypes.reset || type === frameTypes.goAway) {
        throw new Error(`the server broke off: frame ${type} of ${payload.toString("hex")}`);
      }
      const isAnswer = type === frameTypes.data || type === frameTypes.headers;
      if (isAnswer && (flags & endStream) !== 0) {
        answered.push(bodies.get(stream) ?? Buffer.alloc(0));
        bodies.delete(stream);
      }
    }
    seen = seen.subarray(at);
    if (answered.length > 0) onAnswers(answered);
  });
  socket.on("close", () => {
    if (!isOver) throw new Error("the server closed the connection");
  });

  return {
    send(count) {
      const parts: Buffer[] = [];
      for (let sent = 0; sent < count; sent += 1) {
        parts.push(callFrames(nextStream === 1 ? opening : following, nextBody(), nextStream));
        nextStream += 2;
      }
      socket.write(Buffer.concat(parts));
    },
    close() {
      isOver = true;
      socket.destroy();
    },
  };
};

/** @returns The header blocks of the first call of a connection, and of every other. */
function blocksOf(port: number, call: LoadCall): readonly [Buffer, Buffer] {
  const fields = Object.entries({
    ":method": call.verb,
    ":scheme": "http",
    ":path": call.path,
    ":authority": `127.0.0.1:${port}`,
    ...call.headers,
  });
  // RFC 7541 section 6: first as literals that enter the table, later by their places in it, where
  // the newest has the lowest number.
  const literals = fields.map(([name, value]) =>
    Buffer.concat([Buffer.of(0x40), text(name), text(value)]),
  );
  const places = fields.map((_, index) => 0x80 | (62 + fields.length - 1 - index));
  return [Buffer.concat(literals), Buffer.from(places)];
}

function bodiesOf(port: number, call: LoadCall): () => Uint8Array {
  const turn = turnOf(port);
  const { variants = [call] } = call;
  return () => {
    turn.at = (turn.at + 1) % variants.length;
    return variants[turn.at]?.body ?? call.body;
  };
}

function callFrames(block: Buffer, body: Uint8Array, stream: number): Buffer {
  return Buffer.concat([
    frame(frameTypes.headers, endHeaders, stream, block),
    frame(frameTypes.data, endStream, stream, body),
  ]);
}

/** @param value Shorter than 127 bytes: its length takes one. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value, "latin1")]);
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const framed = Buffer.alloc(frameHeadBytes + payload.byteLength);
  framed.writeUIntBE(payload.byteLength, 0, 3);
  framed.writeUInt8(type, 3);
  framed.writeUInt8(flags, 4);
  framed.writeUInt32BE(stream, 5);
  framed.set(payload, frameHeadBytes);
  return framed;
}
