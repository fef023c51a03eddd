import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { opening } from "../frames.ts";
import type { Random } from "../random.ts";
import { type Attack, mutate, split } from "./attack.ts";
import { http1Bytes, http2Bytes, protocols, type Target, validCall } from "./calls.ts";

/** The first flight of a TLS 1.3 client, as Node sends it. */
export const clientHello = await firstFlight();

function firstFlight(): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer) => resolve(chunk),
    });
    connect({ socket, servername: "localhost", ALPNProtocols: ["h2", "http/1.1"] });
  });
}

/** Openings and requests for a port that speaks TLS. */
export const tlsAttacks: readonly Attack[] = [
  {
    name: "W21 TLS openings with mutated bytes",
    door: "tls",
    amount: { share: 3 },
    make: (random) => ({ writes: split(mutate(clientHello, random, words), random), requests: 1 }),
  },
  {
    name: "W22 TLS openings that break off",
    door: "tls",
    amount: { share: 1 },
    make: (random) => ({
      writes: [clientHello.subarray(0, random.int(clientHello.byteLength + 1))],
      requests: 1,
      leave: random.pick(["reset", "half-close"]),
    }),
  },
  {
    name: "W21 plain text on the TLS port",
    door: "tls",
    amount: { share: 1 },
    make: (random, target) => ({
      writes: split(plainText(random, target), random),
      requests: 1,
      owes: "a refusal",
    }),
  },
  {
    name: "W21 mutated requests within TLS",
    door: "tls",
    amount: { share: 2 },
    make(random, target) {
      const isHttp2 = random.oneIn(2);
      const bytes = plainText(random, target, isHttp2);
      const writes = split(mutate(bytes, random, words), random);
      // Now and then speak another protocol than ALPN has chosen.
      const alpn = isHttp2 !== random.oneIn(4) ? ["h2"] : ["http/1.1"];
      return { writes, requests: 1, alpn, ...(random.oneIn(4) && { leave: "reset" }) };
    },
  },
];

function plainText(random: Random, target: Target, isHttp2 = random.oneIn(2)): Buffer {
  const call = validCall(random.pick(protocols), target, random);
  return isHttp2 ? Buffer.concat([opening, http2Bytes(call, 1)]) : http1Bytes(call);
}

const words = [
  "\x16\x03\x01",
  "\x16\x03\x00\x00\x00",
  "\x15\x03\x03\x00\x02\x02\x28",
  "\x14\x03\x03\x00\x01\x01",
  "\x17\x03\x03\u00ff\u00ff",
  "\x80\x2e\x01",
  "\u00ff\u00ff",
  "\0\0\0",
] as const;
