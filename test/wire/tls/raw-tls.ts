import { createCipheriv, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

/** A TLS 1.3 connection whose records the test makes itself (RFC 8446, sections 4.6.3, 5.2 and 7). */
export type RawTls = {
  readonly socket: Socket;
  /** A record with data. */
  data(content: string): Buffer;
  /** A record that says that the next ones have new keys. */
  keyUpdate(): Buffer;
};

const types = { handshake: 22, data: 23 } as const;
/** The server need not answer with new keys of its own. */
const keyUpdateMessage = Buffer.of(24, 0, 0, 1, 0);

/** Shake hands as Node does, and then send without it. */
export async function openRawTls(port: number): Promise<RawTls> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  const between = new Duplex({
    read() {},
    write: (chunk, _, done) => void socket.write(chunk, done),
  });
  const feed = (chunk: Buffer) => void between.push(chunk);
  socket.on("data", feed);
  const secure = connectTls({
    ...{ socket: between, rejectUnauthorized: false, minVersion: "TLSv1.3" },
    ciphers: "TLS_AES_128_GCM_SHA256",
    ALPNProtocols: ["http/1.1"],
  });
  secure.on("error", () => {});
  let secret: Buffer = Buffer.alloc(0);
  secure.on("keylog", (line) => {
    const [name, , hex = ""] = line.toString().trim().split(" ");
    if (name === "CLIENT_TRAFFIC_SECRET_0") secret = Buffer.from(hex, "hex");
  });
  await once(secure, "secureConnect");
  socket.off("data", feed).resume();
  let sequence = 0n;

  function record(type: number, content: Buffer): Buffer {
    const nonce = expanded(secret, "iv", 12);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ sequence, 4);
    sequence += 1n;
    const plain = Buffer.concat([content, Buffer.of(type)]);
    const head = Buffer.of(types.data, 3, 3, 0, 0);
    head.writeUInt16BE(plain.length + 16, 3);
    const cipher = createCipheriv("aes-128-gcm", expanded(secret, "key", 16), nonce).setAAD(head);
    return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  return {
    socket,
    data: (content) => record(types.data, Buffer.from(content)),
    keyUpdate() {
      const bytes = record(types.handshake, keyUpdateMessage);
      secret = expanded(secret, "traffic upd", 32);
      sequence = 0n;
      return bytes;
    },
  };
}

/** HKDF-Expand-Label of RFC 8446, section 7.1, without a context. */
function expanded(secret: Buffer, name: string, length: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`);
  const info = Buffer.concat([Buffer.of(0, length, label.length), label, Buffer.of(0, 1)]);
  return createHmac("sha256", secret).update(info).digest().subarray(0, length);
}
