import { once } from "node:events";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import { frame, frameFlags, frameTypes, preface } from "../../../faults/frames.ts";

/** The client of `node:http2` at one end of a connection, and its frames at the other. */
export type Nghttp2 = AsyncDisposable & {
  /**
   * Send a request.
   *
   * @returns The block as nghttp2 wrote it, and the id of the stream.
   */
  request(headers: OutgoingHttpHeaders): Promise<{ block: Buffer; streamId: number }>;
  /**
   * Answer a request with this block.
   *
   * @returns Names and values in turn, as nghttp2 read them.
   */
  answer(streamId: number, block: Uint8Array): Promise<string[]>;
};

/** @param headerTableSize What the client says that its table may be. */
export async function openNghttp2(headerTableSize = 4_096): Promise<Nghttp2> {
  const [near, far] = duplexPair();
  const blocks = new Map<number, (block: Buffer) => void>();
  readBlocks(far, (streamId, block) => blocks.get(streamId)?.(block));
  far.write(frame(frameTypes.settings, 0, 0));
  const session = connect("http://a", {
    createConnection: () => near,
    settings: { headerTableSize },
  });
  await once(session, "remoteSettings");
  const streams = new Map<number, ReturnType<ClientHttp2Session["request"]>>();
  let nextId = 1;
  return {
    request(headers) {
      const streamId = nextId;
      nextId += 2;
      const written = new Promise<Buffer>((resolve) => blocks.set(streamId, resolve));
      const stream = session.request(headers);
      stream.on("error", () => undefined);
      streams.set(streamId, stream);
      return written.then((block) => ({ block, streamId }));
    },
    async answer(streamId, block) {
      const stream = streams.get(streamId) as ReturnType<ClientHttp2Session["request"]>;
      far.write(
        frame(frameTypes.headers, frameFlags.endHeaders | frameFlags.endStream, streamId, block),
      );
      const [, , rawHeaders] = await Promise.race([
        once(stream, "response"),
        once(session, "error").then(([error]) => Promise.reject(error)),
        once(stream, "close").then(() => Promise.reject(new Error(`reset: ${stream.rstCode}`))),
      ]);
      return rawHeaders as string[];
    },
    async [Symbol.asyncDispose]() {
      session.destroy();
      far.destroy();
    },
  };
}

/** Call back with the block of each HEADERS frame. Those of these tests fit into one. */
function readBlocks(from: Duplex, observe: (streamId: number, block: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  let toSkip = preface.byteLength;
  from.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (rest.byteLength < toSkip) return;
    rest = rest.subarray(toSkip);
    toSkip = 0;
    while (rest.byteLength >= 9 && rest.byteLength >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest[3] === frameTypes.headers) {
        observe(rest.readUInt32BE(5), Buffer.from(rest.subarray(9, end)));
      }
      rest = rest.subarray(end);
    }
  });
}
