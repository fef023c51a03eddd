import { openHttp1 } from "./load-http1.ts";
import { openHttp2 } from "./load-http2.ts";
import type { HttpVersion } from "./protocols.ts";

/**
 * The load generator, in a process of its own. It takes one order at a time and answers each.
 *
 * Its clients write bytes made beforehand and read no more than they must: with a client that costs
 * more than the server, the server would idle between calls and none of its figures would hold.
 */

/** One HTTP request, sent again and again. */
export type LoadCall = {
  readonly version: HttpVersion;
  readonly verb: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

export type Order =
  | { readonly kind: "open"; readonly port: number; readonly call: LoadCall }
  | { readonly kind: "run"; readonly calls: number }
  | { readonly kind: "close" };

export type Report = {
  /** Of a run; 0 for other orders. */
  readonly seconds: number;
  /** The body of the first answer of a run. All others were of the same length. */
  readonly body: Uint8Array;
};

/** One connection. */
export interface Connection {
  /** Begin so many calls more. */
  send(count: number): void;
  close(): void;
}

/** Opens a connection; is told of every answer, in whatever order they come. */
export type Open = (
  port: number,
  call: LoadCall,
  onAnswers: (bodies: readonly Uint8Array[]) => void,
) => Promise<Connection>;

/** Calls in flight over all connections. A browser's HTTP/1.1 has one on each. */
const shapes = {
  "1.1": { open: openHttp1, connections: 64, callsOnEach: 1 },
  "2": { open: openHttp2, connections: 4, callsOnEach: 16 },
} as const satisfies Record<HttpVersion, { open: Open; connections: number; callsOnEach: number }>;

const idle: Report = { seconds: 0, body: new Uint8Array() };

let connections: Connection[] = [];
let callsOnEach = 0;
let onAnswers: (connection: number, bodies: readonly Uint8Array[]) => void = () => {};

async function obey(order: Order): Promise<Report> {
  if (order.kind === "run") return run(order.calls);
  for (const connection of connections) connection.close();
  connections = [];
  if (order.kind === "open") {
    const { version } = order.call;
    const shape = shapes[version];
    callsOnEach = shape.callsOnEach;
    connections = await Promise.all(
      Array.from({ length: shape.connections }, (_, index) =>
        shape.open(order.port, order.call, (bodies) => onAnswers(index, bodies)),
      ),
    );
  }
  return idle;
}

function run(calls: number): Promise<Report> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    let sent = 0;
    let answered = 0;
    let first: Uint8Array | undefined;

    const send = (connection: Connection | undefined, wanted: number) => {
      const count = Math.min(wanted, calls - sent);
      sent += count;
      if (count > 0) connection?.send(count);
    };
    onAnswers = (index, bodies) => {
      for (const body of bodies) {
        first ??= Uint8Array.from(body);
        if (body.byteLength !== first.byteLength) throw new Error("the answers differ in length");
      }
      answered += bodies.length;
      send(connections[index], bodies.length);
      if (answered === calls) {
        const seconds = (performance.now() - startedAt) / 1000;
        resolve({ seconds, body: first ?? idle.body });
      }
    };
    for (const connection of connections) send(connection, callsOnEach);
  });
}

process.on("disconnect", () => process.exit());
process.on("message", async (order: Order) => {
  process.send?.(await obey(order));
});
