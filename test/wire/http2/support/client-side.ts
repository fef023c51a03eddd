import { createHpackDecoder } from "../../../../src/wire/http2/hpack/decoder.ts";
import { frameFlags, frameTypes, preface } from "../../../faults/frames.ts";

const initialWindow = 65_535;
const settingIds = { headerTableSize: 1, initialWindowSize: 4 } as const;

/**
 * What a client has sent, as far as it says what the server may send. It never complains, because a client of
 * these tests may send anything.
 */
export class ClientSide {
  readonly #decoder = createHpackDecoder({ maxBytes: 16_384, maxFields: 100 });
  readonly #pings: Buffer[] = [];
  /** The settings that are not acknowledged yet. */
  readonly #settings: Buffer[] = [];
  readonly #windows = new Map<number, number>();
  readonly #heads = new Set<number>();
  #rest = Buffer.alloc(0);
  #hasBegun = false;
  #window = initialWindow;
  #streamWindow = initialWindow;
  #tableSize = 4_096;
  #owesUpdate = false;

  /** Bytes that the client has sent. */
  note(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#hasBegun && this.#rest.byteLength >= preface.byteLength) {
      this.#hasBegun = true;
      this.#rest = this.#rest.subarray(preface.byteLength);
    }
    while (this.#hasBegun && this.#rest.byteLength >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.byteLength < end) return;
      this.#noteFrame(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end);
    }
  }

  #noteFrame(frame: Buffer): void {
    const [type, flags] = [frame.readUInt8(3), frame.readUInt8(4)];
    const streamId = frame.readUInt32BE(5) & 0x7fffffff;
    const payload = Buffer.from(frame.subarray(9));
    const isAck = (flags & frameFlags.ack) !== 0;
    if (type === frameTypes.ping && !isAck) this.#pings.push(payload);
    if (type === frameTypes.settings && !isAck) this.#settings.push(payload);
    if (type === frameTypes.headers) this.#open(streamId, flags, payload);
    if (type === frameTypes.windowUpdate && payload.byteLength === 4) {
      this.#grant(streamId, payload.readUInt32BE(0) & 0x7fffffff);
    }
  }

  #open(streamId: number, flags: number, payload: Buffer): void {
    if (!this.#windows.has(streamId)) this.#windows.set(streamId, this.#streamWindow);
    // Other blocks are not needed: a test that sends HEAD sends it plainly.
    if (flags !== (frameFlags.endHeaders | frameFlags.endStream)) return;
    try {
      const fields = this.#decoder.decode(payload) ?? [];
      if (fields[fields.indexOf(":method") + 1] === "HEAD") this.#heads.add(streamId);
    } catch {
      // No HPACK: the server has to say so.
    }
  }

  #grant(streamId: number, increment: number): void {
    if (streamId === 0) this.#window += increment;
    else this.#windows.set(streamId, (this.#windows.get(streamId) ?? 0) + increment);
  }

  hasOpened(streamId: number): boolean {
    return this.#windows.has(streamId);
  }

  isHead(streamId: number): boolean {
    return this.#heads.has(streamId);
  }

  /** @returns By how many bytes this DATA goes beyond what was granted. */
  spend(streamId: number, bytes: number): number {
    const left = Math.min(this.#window, this.#windows.get(streamId) ?? 0);
    this.#grant(streamId, -bytes);
    this.#window -= bytes;
    return Math.max(0, bytes === 0 ? 0 : bytes - left);
  }

  /** From now on the server keeps to them. @returns Whether there were any. */
  acknowledgeSettings(): boolean {
    const settings = this.#settings.shift();
    if (settings === undefined) return false;
    for (let at = 0; at + 6 <= settings.byteLength; at += 6) {
      this.#apply(settings.readUInt16BE(at), settings.readUInt32BE(at + 2));
    }
    return true;
  }

  #apply(id: number, value: number): void {
    if (id === settingIds.initialWindowSize) {
      for (const streamId of this.#windows.keys())
        this.#grant(streamId, value - this.#streamWindow);
      this.#streamWindow = value;
    }
    if (id === settingIds.headerTableSize) {
      if (value < this.#tableSize) this.#owesUpdate = true;
      this.#tableSize = Math.min(value, this.#tableSize);
    }
  }

  /** @returns Whether the next block must begin with a size update (RFC 9113, section 4.3.1). Asked once. */
  takeOwedUpdate(): boolean {
    const owes = this.#owesUpdate;
    this.#owesUpdate = false;
    return owes;
  }

  /** @returns Whether it answers the PING that has waited longest. */
  acknowledgePing(payload: Buffer): boolean {
    return this.#pings.shift()?.equals(payload) ?? false;
  }
}
