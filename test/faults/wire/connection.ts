import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { frameFlags, frameTypes } from "../frames.ts";
import type { Case } from "../mutations/attack.ts";

/** If a server that owes no answer sends nothing for so long, the attack ends. In milliseconds. */
const curiosityMs = 250;

/** Far longer than every time limit that the server has for a slow connection, for busy machines. In milliseconds. */
const patienceMs = 120_000;

/** Several, because more connections are slow at once than one address may have. */
const addresses = Array.from({ length: 8 }, (_, index) => `127.0.0.${10 + index}`);
let connections = 0;

/** How a connection ended. The last three are faults of the server. */
export type Ending = "answered" | "closed" | "left" | "unanswered" | "accepted" | "unreachable";

/** Endings that are faults of the server. */
export const faults: readonly Ending[] = ["unanswered", "accepted", "unreachable"];

/** How a connection ended, and how many answers came before. */
export type Outcome = { readonly ending: Ending; readonly answers: number };

/** Run a case on a connection of its own. It always ends: by itself, by the server, or after `patienceMs`. */
export function attack(
  port: number,
  { writes, requests, answers: expected = requests, alpn, pauseMs, leave, owes }: Case,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const localAddress = addresses[connections++ % addresses.length] as string;
    const socket: Socket =
      alpn === undefined
        ? connectTcp({ port, host: "127.0.0.1", localAddress })
        : connectTls({
            port,
            host: "127.0.0.1",
            // Passed on to the socket, although the types do not have it.
            ...{ localAddress },
            ALPNProtocols: [...alpn],
            rejectUnauthorized: false,
          });
    const answers = createAnswerCounter();
    let isConnected = false;
    let isOver = false;
    let timer = setTimeout(() => finish(owes === undefined ? "left" : "unanswered"), patienceMs);

    function finish(ending: Ending): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
      const hasAccepted = owes === "a refusal" && answers.hasSuccess();
      resolve({ ending: hasAccepted ? "accepted" : ending, answers: answers.count() });
    }
    function waitOn(): void {
      if (owes !== undefined || isOver) return;
      clearTimeout(timer);
      timer = setTimeout(() => finish("left"), curiosityMs);
    }

    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.once("connect", () => {
      isConnected = true;
    });
    socket.once("close", () => finish(isConnected ? "closed" : "unreachable"));
    socket.on("data", (chunk: Buffer) => {
      answers.add(chunk);
      if (answers.count() >= expected && owes !== "a refusal") finish("answered");
      else if (!socket.connecting) waitOn();
    });
    socket.once(alpn === undefined ? "connect" : "secureConnect", async () => {
      for (const bytes of writes) {
        if (isOver) return;
        if (!socket.write(bytes)) await untilDrained(socket);
        if (pauseMs !== undefined) await pause(pauseMs);
      }
      if (isOver) return;
      if (leave === "half-close") socket.end();
      if (leave === "reset") {
        // TLS has no reset of its own.
        if (alpn === undefined) socket.resetAndDestroy();
        finish("left");
      }
      waitOn();
    });
  });
}

function untilDrained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", resolve).once("close", resolve);
  });
}

/** Counts the answers of HTTP/1.1 and the ended streams of HTTP/2, whichever comes. */
function createAnswerCounter() {
  const ended = new Set<number>();
  let rest: Buffer = Buffer.alloc(0);
  let statuses = 0;
  let successes = 0;

  function addHttp1(text: string): void {
    for (const [, first] of text.matchAll(/HTTP\/1\.1 ([2-5])\d\d /g)) {
      statuses += 1;
      if (first === "2") successes += 1;
    }
    // A status line may come in two pieces. A line that was counted is not kept.
    const tail = text.slice(-12);
    rest = Buffer.from(/HTTP\/1\.1 [2-5]\d\d /.test(tail) ? "" : tail, "latin1");
  }

  function addHttp2(bytes: Buffer): void {
    let at = 0;
    while (at + 9 <= bytes.byteLength && at + 9 + bytes.readUIntBE(at, 3) <= bytes.byteLength) {
      const type = bytes.readUInt8(at + 3);
      const isLast = (bytes.readUInt8(at + 4) & frameFlags.endStream) !== 0;
      const carries = type === frameTypes.headers || type === frameTypes.data;
      if (type === frameTypes.reset || (carries && isLast)) {
        ended.add(bytes.readUInt32BE(at + 5) & 0x7fffffff);
      }
      at += 9 + bytes.readUIntBE(at, 3);
    }
    rest = bytes.subarray(at);
  }

  let isHttp1: boolean | undefined;
  return {
    add(chunk: Buffer): void {
      const bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
      isHttp1 ??= bytes.toString("latin1", 0, 4) === "HTTP";
      if (isHttp1) addHttp1(bytes.toString("latin1"));
      else addHttp2(bytes);
    },
    count: () => statuses + ended.size,
    hasSuccess: () => successes > 0,
  };
}
