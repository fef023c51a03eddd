import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { frame, frameTypes } from "../../../faults/frames.ts";
import { type SeenFrame, StrictReader } from "./strict-reader.ts";

/** A client that sends any bytes, and holds the server to every rule. */
export interface Peer extends Disposable {
  /** Everything received, in order. */
  readonly frames: readonly SeenFrame[];
  /** What the server did that it must not. Empty at the end of a test. */
  readonly violations: readonly string[];
  /** Whether the server has closed. */
  readonly isClosed: boolean;
  send(...bytes: Uint8Array[]): void;
  /** Resolves with the first frame that fits. Rejects if the server closes before. */
  until(fits: (frame: SeenFrame) => boolean): Promise<SeenFrame>;
  /** Resolves with everything received once the server has closed. */
  closed(): Promise<readonly SeenFrame[]>;
  /** Resolves once the server has handled everything that was sent: it has answered a PING. */
  settled(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Close this side. */
  end(): void;
}

export async function openPeer(port: number, localAddress = "127.0.0.1"): Promise<Peer> {
  const socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
  await once(socket, "connect");
  return watchPeer(socket);
}

function watchPeer(socket: Socket): Peer {
  const reader = new StrictReader();
  let isClosed = false;
  let looks: (() => void)[] = [];
  const look = () => {
    const waiting = looks;
    looks = [];
    for (const each of waiting) each();
  };
  socket.on("data", (bytes: Buffer) => {
    reader.read(bytes);
    look();
  });
  // A reset is one way in which a server closes.
  socket.on("error", () => undefined);
  socket.on("end", () => reader.end());
  socket.on("close", () => {
    isClosed = true;
    look();
  });
  const waitFor = <T>(find: () => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      const attempt = () => {
        const found = find();
        if (found !== undefined) resolve(found);
        else if (isClosed) reject(new Error(`closed after ${describeFrames(reader.frames)}`));
        else looks.push(attempt);
      };
      attempt();
    });
  let pings = 0;
  return {
    frames: reader.frames,
    violations: reader.violations,
    get isClosed() {
      return isClosed;
    },
    send(...bytes) {
      for (const each of bytes) reader.client.note(each);
      if (socket.writable) socket.write(Buffer.concat(bytes));
    },
    until: (fits) => waitFor(() => reader.frames.find(fits)),
    closed: () => waitFor(() => (isClosed ? reader.frames : undefined)),
    async settled() {
      const payload = Buffer.alloc(8, ++pings);
      this.send(frame(frameTypes.ping, 0, 0, payload));
      await this.until((each) => each.type === frameTypes.ping && each.payload.equals(payload));
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

const names = Object.fromEntries(Object.entries(frameTypes).map(([name, type]) => [type, name]));

/** One word a frame, such as `headers:1` or `reset:1(8)`, for messages and comparisons. */
export function describeFrames(frames: readonly SeenFrame[]): string {
  return frames.map(describeFrame).join(" ");
}

export function describeFrame({ type, streamId, payload }: SeenFrame): string {
  const name = names[type] ?? String(type);
  if (type === frameTypes.reset) return `${name}:${streamId}(${payload.readUInt32BE(0)})`;
  if (type === frameTypes.goAway) return `${name}(${payload.readUInt32BE(4)})`;
  return streamId === 0 ? name : `${name}:${streamId}`;
}
