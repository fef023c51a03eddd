import type { HttpVersion } from "../protocols.ts";
import { openHttp1 } from "./load-http1.ts";
import { openHttp2 } from "./load-http2.ts";

/**
 * The load generator, in a process of its own. It takes one order at a time and answers each.
 *
 * Its clients write bytes that were made before, and read as little as possible. If a client cost more than the
 * server, the server would be idle between calls, and its figures would be wrong.
 */

/** One HTTP request, sent again and again. */
export type LoadCall = {
  readonly version: HttpVersion;
  readonly verb: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /**
   * Paths and bodies to send in turn, in place of the one above. Over HTTP/2 the path is always the
   * one above. Default: the one above only.
   */
  readonly variants?: readonly Variant[];
  /** The answers are errors. Those of gRPC have no body. Default: any error ends the process. */
  readonly isRefused?: boolean;
  /** Over all connections. Default: 64. */
  readonly inFlight?: number;
};

export type Variant = { readonly path: string; readonly body: Uint8Array };

export type Order =
  | { readonly kind: "open"; readonly port: number; readonly call: LoadCall }
  | { readonly kind: "run"; readonly calls: number }
  /** At a steady rate, whether or not the answers keep up. */
  | { readonly kind: "pace"; readonly calls: number; readonly perSecond: number }
  | { readonly kind: "close" };

export type Report = {
  /** Of a run; 0 for other orders. */
  readonly seconds: number;
  /** The body of the first answer of a run. Without variants all others were of the same length. */
  readonly body: Uint8Array;
  /**
   * Of each call at a steady rate, from when it was due to its answer. On one connection the oldest
   * call counts as the one that is answered.
   */
  readonly latenciesMs: readonly number[];
};

/** One connection. */
export interface Connection {
  /** Begin so many calls more. */
  send(count: number): void;
  close(): void;
}

/** Opens a connection. Its callback is called for every answer, in any order. */
export type Open = (
  port: number,
  call: LoadCall,
  onAnswers: (bodies: readonly Uint8Array[]) => void,
) => Promise<Connection>;

/** How many connections carry the calls in flight. HTTP/1.1 has one call on each. */
const shapes = {
  "1.1": { open: openHttp1, connections: (inFlight: number) => inFlight },
  "2": { open: openHttp2, connections: () => 4 },
} as const satisfies Record<HttpVersion, { open: Open; connections: (inFlight: number) => number }>;

const idle: Report = { seconds: 0, body: new Uint8Array(), latenciesMs: [] };

let connections: Connection[] = [];
let callsOnEach = 0;
let isVaried = false;
let isRefused = false;
let onAnswers: (connection: number, bodies: readonly Uint8Array[]) => void = () => {};

async function obey(order: Order): Promise<Report> {
  if (order.kind === "run") return run(order.calls);
  if (order.kind === "pace") return pace(order.calls, order.perSecond);
  for (const connection of connections) connection.close();
  connections = [];
  if (order.kind === "open") {
    const { version, variants, inFlight = 64 } = order.call;
    isRefused = order.call.isRefused === true;
    isVaried = variants !== undefined;
    const shape = shapes[version];
    const count = shape.connections(inFlight);
    callsOnEach = inFlight / count;
    connections = await Promise.all(
      Array.from({ length: count }, (_, index) =>
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
        if (!isVaried && body.byteLength !== first.byteLength) {
          throw new Error("the answers differ in length");
        }
        if (body.byteLength === 0 && !isRefused) throw new Error("an answer without a message");
      }
      answered += bodies.length;
      send(connections[index], bodies.length);
      if (answered === calls) {
        const seconds = (performance.now() - startedAt) / 1000;
        resolve({ seconds, body: first ?? idle.body, latenciesMs: [] });
      }
    };
    for (const connection of connections) send(connection, callsOnEach);
  });
}

function pace(calls: number, perSecond: number): Promise<Report> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const latenciesMs: number[] = [];
    /** When the calls in flight were due, by connection. */
    const dueAt = connections.map((): number[] => []);
    let due = 0;
    let begun = 0;
    let latest = 0;
    /** In turn: a server closes a connection that has had its share of calls. */
    const free = () => {
      for (let step = 1; step <= dueAt.length; step += 1) {
        const index = (latest + step) % dueAt.length;
        if ((dueAt[index]?.length ?? 0) < callsOnEach) return index;
      }
      return undefined;
    };
    const begin = () => {
      while (begun < due) {
        const index = free();
        if (index === undefined) return;
        latest = index;
        dueAt[index]?.push(startedAt + (1000 * begun) / perSecond);
        connections[index]?.send(1);
        begun += 1;
      }
    };
    onAnswers = (index, bodies) => {
      const now = performance.now();
      for (const body of bodies) {
        if (body.byteLength === 0) throw new Error("an answer without a message");
        latenciesMs.push(now - (dueAt[index]?.shift() ?? now));
      }
      begin();
      if (latenciesMs.length < calls) return;
      clearInterval(timer);
      resolve({ seconds: (now - startedAt) / 1000, body: idle.body, latenciesMs });
    };
    const timer = setInterval(() => {
      due = Math.min(calls, Math.floor(((performance.now() - startedAt) * perSecond) / 1000));
      begin();
    }, 1);
  });
}

process.on("disconnect", () => process.exit());
process.on("message", async (order: Order) => {
  process.send?.(await obey(order));
});
