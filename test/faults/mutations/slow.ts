import { frame, frameFlags, frameTypes, headers, opening, preface } from "../frames.ts";
import type { Attack, Case } from "./attack.ts";
import { http1Bytes, http2Fields, readCall, type Target, validCall } from "./calls.ts";

/** Connections that keep the server busy by sending very slowly. */
export const slowAttacks: readonly Attack[] = [
  slow("half-open sockets", "plain", () => ({ writes: [], pauseMs: 300 })),
  slow("slow HTTP/1.1 headers", "plain", (target) => trickle(http1Bytes(readCall(target)), 2)),
  slow("slow HTTP/1.1 bodies", "plain", (target) => {
    const head = `PUT / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.token}\r\nContent-Length: 500\r\n\r\n`;
    return trickle(Buffer.concat([Buffer.from(head), Buffer.alloc(500, " ")]), head.length);
  }),
  slow("slow REST bodies", "plain", (target, random) => {
    const bytes = http1Bytes(validCall("rest", target, random));
    return trickle(bytes, bytes.indexOf("\r\n\r\n") + 4);
  }),
  slow("slow HTTP/2 prefaces", "plain", () => trickle(preface, 3)),
  slow("slow HTTP/2 bodies", "plain", (target) => {
    const call = readCall(target);
    const pieces = Array.from({ length: 60 }, () => frame(frameTypes.data, 0, 1, Buffer.of(0)));
    const head = Buffer.concat([opening, headers(1, http2Fields(call), frameFlags.endHeaders)]);
    return { writes: [head, ...pieces], pauseMs: 300 };
  }),
  slow("slow TLS hellos", "tls", () =>
    trickle(Buffer.concat([Buffer.of(22, 3, 1, 2, 0), Buffer.alloc(512)]), 6),
  ),
];

function slow(
  name: string,
  door: Attack["door"],
  make: (target: Target, random: Parameters<Attack["make"]>[0]) => Pick<Case, "writes" | "pauseMs">,
): Attack {
  return {
    name: `W11 ${name}`,
    door,
    amount: { times: 1 },
    make: (random, target) => ({ ...make(target, random), requests: 1, owes: "an end" }),
  };
}

/** The first bytes at once, the rest one by one. */
function trickle(bytes: Buffer, first: number): Pick<Case, "writes" | "pauseMs"> {
  const rest = [...bytes.subarray(first, first + 60)].map((byte) => Buffer.of(byte));
  return { writes: [bytes.subarray(0, first), ...rest], pauseMs: 300 };
}
