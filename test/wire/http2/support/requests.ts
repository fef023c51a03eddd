import {
  type Fields,
  frame,
  frameFlags,
  frameTypes,
  headerBlock,
  preface,
} from "../../../faults/frames.ts";
import { type EchoServer, startEcho } from "../../echo.ts";
import { openPeer, type Peer } from "./peer.ts";

const { endHeaders, endStream } = frameFlags;

/** A request that is answered 200 with a body. */
export const getNote: Fields = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/api/v1/notes/7"],
  [":authority", "a"],
];

/** The same request with another value for one field, or with one field more. */
export function withField(name: string, value: string, fields: Fields = getNote): Fields {
  const isThere = fields.some(([each]) => each === name);
  if (!isThere) return [...fields, [name, value]];
  return fields.map(([each, old]) => [each, each === name ? value : old]);
}

/** HEADERS with END_STREAM. */
export function whole(streamId: number, fields: Fields = getNote): Buffer {
  return frame(frameTypes.headers, endHeaders | endStream, streamId, headerBlock(fields));
}

/** HEADERS without END_STREAM: a body follows. */
export function begun(streamId: number, fields: Fields = putNote): Buffer {
  return frame(frameTypes.headers, endHeaders, streamId, headerBlock(fields));
}

/** A request that is answered when its body has come. */
export const putNote: Fields = withField(":method", "PUT");

/** Preface, settings, and the acknowledgement of the server's, so that nothing is left of the beginning. */
export const greeting = Buffer.concat([
  preface,
  frame(frameTypes.settings, 0, 0),
  frame(frameTypes.settings, frameFlags.ack, 0),
]);

/** One setting of a SETTINGS frame (RFC 9113, section 6.5.1). */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** A server whose notes "slow" are answered only when they are released. */
export async function startHeldEcho(): Promise<EchoServer & { release(): void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = await startEcho({
    async look(note) {
      if (note.id === "slow") await promise;
      return note;
    },
  });
  return Object.assign(server, { release: resolve });
}

/** @returns A peer that has sent its greeting and that was answered. */
export async function greet(server: EchoServer): Promise<Peer> {
  const peer = await openPeer(server.port);
  peer.send(greeting);
  await peer.settled();
  return peer;
}

/**
 * Whether the connection still works: it answers a PING and a request.
 *
 * @param streamId One that was not used.
 */
export async function expectServed(peer: Peer, streamId: number): Promise<void> {
  await peer.settled();
  peer.send(whole(streamId));
  const answer = await peer.until(
    (each) =>
      each.streamId === streamId &&
      (each.type === frameTypes.headers || each.type === frameTypes.reset),
  );
  if (answer.fields?.[1] !== "200") throw new Error(`not served: ${answer.type}, ${answer.fields}`);
}
