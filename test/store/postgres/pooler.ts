import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** When a client gets another backend, as PgBouncer calls it. */
export type PoolMode = "session" | "transaction";

/** A connection pooler on loopback, which speaks PostgreSQL's protocol as far as we need it. */
export type Pooler = { readonly port: number; close(): Promise<void> };

/** How backends are taken from those that wait: the last that came back, or the first. */
export type PoolOrder = "last" | "first";

const sslRequestCode = 80_877_103;
const unencrypted = Buffer.from("N");

/**
 * Start a pooler in front of a server that trusts everybody.
 *
 * @param options.spare Backends that are there before the first client.
 */
export async function startPooler(
  target: number,
  mode: PoolMode,
  options: { readonly order?: PoolOrder; readonly spare?: number } = {},
): Promise<Pooler> {
  const { order = "last", spare = 0 } = options;
  const sockets = new Set<Socket>();
  const idle: Socket[] = [];
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };

  async function newBackend(startup: Buffer): Promise<Socket> {
    const backend = keep(connect(target, "127.0.0.1"));
    backend.write(startup);
    await untilReady(backend, () => {});
    return backend;
  }

  async function take(startup: Buffer): Promise<Socket> {
    for (let missing = spare - sockets.size; missing > 0; missing -= 1) {
      idle.push(await newBackend(startup));
    }
    return (order === "last" ? idle.pop() : idle.shift()) ?? newBackend(startup);
  }

  async function serve(client: Socket): Promise<void> {
    const read = reader(client);
    const startup = await readStartup(client, read);
    const welcome = [
      message("R", int32(0)),
      message("K", int32(randomInt(2 ** 30)), int32(1)),
      message("Z", Buffer.from("I")),
    ];
    client.write(Buffer.concat(welcome));
    let backend: Socket | undefined;
    for (;;) {
      const batch = await readBatch(read);
      if (batch === undefined) break;
      backend ??= await take(startup);
      backend.write(batch);
      const status = await untilReady(backend, (bytes) => client.write(bytes));
      if (mode === "transaction" && status === "I") {
        idle.push(backend);
        backend = undefined;
      }
    }
    backend?.destroy();
  }

  const server = createServer((client) => {
    serve(keep(client)).catch(() => client.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function message(type: string, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([Buffer.from(type), int32(4 + bytes.length), bytes]);
}

type Read = (bytes: number) => Promise<Buffer>;

/** Reads exactly so many bytes; rejects if the socket ends before. */
function reader(socket: Socket): Read {
  return async (count) => {
    for (;;) {
      if (count === 0) return Buffer.alloc(0);
      const bytes: Buffer | null = socket.read(count);
      if (bytes?.length === count) return bytes;
      if (socket.destroyed || socket.readableEnded) throw new Error("the socket has ended");
      const { promise, resolve } = Promise.withResolvers<void>();
      const events = ["readable", "end", "close"] as const;
      for (const event of events) socket.once(event, resolve);
      await promise;
      for (const event of events) socket.off(event, resolve);
    }
  };
}

/** The message that begins a session. TLS is refused. */
async function readStartup(client: Socket, read: Read): Promise<Buffer> {
  for (;;) {
    const size = await read(4);
    const body = await read(size.readInt32BE() - 4);
    if (body.readInt32BE() !== sslRequestCode) return Buffer.concat([size, body]);
    client.write(unencrypted);
  }
}

/** Messages up to one that the server answers with ReadyForQuery; `undefined`: the client leaves. */
async function readBatch(read: Read): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (;;) {
    const head = await read(5);
    parts.push(head, await read(head.readInt32BE(1) - 4));
    const type = head.toString("latin1", 0, 1);
    if (type === "X") return undefined;
    if (type === "Q" || type === "S") return Buffer.concat(parts);
  }
}

/** @returns The status of the transaction that the server says with ReadyForQuery. */
async function untilReady(backend: Socket, relay: (bytes: Buffer) => void): Promise<string> {
  const read = reader(backend);
  for (;;) {
    const head = await read(5);
    const body = await read(head.readInt32BE(1) - 4);
    relay(Buffer.concat([head, body]));
    if (head.toString("latin1", 0, 1) === "Z") return body.toString("latin1");
  }
}
