import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * What becomes of a statement that is cut.
 *
 * - `request`: it never arrives.
 * - `answer`: it is done, and nobody hears of it.
 * - `late`: the client loses its connection, and the statement arrives when `deliver` is called.
 * - `silence`: it is done, and nobody hears of it, nor that the connection has ended.
 */
export type Cut = "request" | "answer" | "late" | "silence";

/** A TCP proxy that loses what it should carry. */
export type CuttingProxy = {
  readonly port: number;
  /**
   * The next statement whose bytes include `mark` is cut.
   *
   * @param farewell What the client gets in place of an answer before its connection ends.
   * @returns Resolves when it was.
   */
  cutNext(mark: string, cut: Cut, farewell?: Buffer): Promise<void>;
  /** Let statements that were cut as `late` arrive. @returns Resolves when they are answered. */
  deliver(): Promise<void>;
  /** Refuse connections, and end those there are. */
  refuse(): void;
  close(): Promise<void>;
};

export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const late: (() => Promise<void>)[] = [];
  let order: { mark: string; cut: Cut; farewell: Buffer; done: () => void } | undefined;
  let isRefusing = false;

  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    let isCut: Cut | undefined;
    client.on("data", (bytes) => {
      if (isCut !== undefined) return;
      if (order === undefined || !bytes.includes(order.mark)) {
        upstream.write(bytes);
        return;
      }
      const { cut, farewell, done } = order;
      order = undefined;
      isCut = cut;
      const leave = () => client.end(farewell, () => client.destroy());
      if (cut === "request") upstream.destroy();
      if (cut === "answer") {
        upstream.write(bytes);
        upstream.once("data", () => upstream.destroy());
        upstream.once("close", leave);
      } else if (cut === "silence") upstream.write(bytes);
      else leave();
      if (cut === "late") {
        late.push(async () => {
          // The server may have ended the connection, because the transaction was idle for too long.
          if (upstream.closed) return;
          const answered = Promise.race([once(upstream, "data"), once(upstream, "close")]);
          upstream.write(bytes);
          await answered;
          upstream.destroy();
        });
      }
      done();
    });
    upstream.on("data", (bytes) => {
      if (isCut === undefined) client.write(bytes);
    });
    client.on("close", () => isCut === undefined && upstream.destroy());
    upstream.on("close", () => isCut === undefined && client.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");

  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cutNext(mark, cut, farewell = Buffer.alloc(0)) {
      return new Promise((done) => {
        order = { mark, cut, farewell, done };
      });
    },
    async deliver() {
      await Promise.all(late.splice(0).map((send) => send()));
    },
    refuse() {
      isRefusing = true;
      endAll();
    },
    async close() {
      endAll();
      server.close();
      await once(server, "close");
    },
  };
}

/** An error as a server sends it (PostgreSQL's documentation, "Message Formats", ErrorResponse). */
export function errorResponse(severity: string, code: string, message: string): Buffer {
  const fields = Object.entries({ S: severity, C: code, M: message });
  const body = `${fields.map(([name, text]) => `${name}${text}\0`).join("")}\0`;
  const head = Buffer.from("E\0\0\0\0");
  head.writeInt32BE(4 + Buffer.byteLength(body), 1);
  return Buffer.concat([head, Buffer.from(body)]);
}
