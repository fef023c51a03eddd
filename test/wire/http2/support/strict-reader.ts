import { createHpackDecoder } from "../../../../src/wire/http2/hpack/decoder.ts";
import { frameFlags, frameTypes } from "../../../faults/frames.ts";
import { AnswerRules } from "./answer-rules.ts";
import { ClientSide } from "./client-side.ts";

/** A frame that the server has sent. */
export type SeenFrame = {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Names and values in turn, of HEADERS. */
  readonly fields?: readonly string[];
};

const { data, headers, reset, settings, ping, goAway, windowUpdate } = frameTypes;

/** The flags that a server of ours has a use for. It never pads, and sends no priorities. */
const allowedFlags: Readonly<Record<number, number>> = {
  [data]: frameFlags.endStream,
  [headers]: frameFlags.endStream | frameFlags.endHeaders,
  [reset]: 0,
  [settings]: frameFlags.ack,
  [ping]: frameFlags.ack,
  [goAway]: 0,
  [windowUpdate]: 0,
};

const fixedLengths: Readonly<Record<number, number>> = { [reset]: 4, [ping]: 8, [windowUpdate]: 4 };

/**
 * Reads what a server writes and notes everything that RFC 9113 forbids it. It knows what the client has sent,
 * because that says which streams, windows and acknowledgements there may be.
 */
export class StrictReader {
  readonly frames: SeenFrame[] = [];
  readonly violations: string[] = [];
  readonly client = new ClientSide();
  readonly #streams = new Map<number, AnswerRules>();
  readonly #decoder = createHpackDecoder({ maxBytes: 1_000_000, maxFields: 10_000 });
  #rest = Buffer.alloc(0);
  #lastId = 0x7fffffff;
  #isFailing = false;

  /** Bytes from the server. */
  read(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.byteLength >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      // Judged by the head, so that a stream of garbage is not waited for.
      if (length > 16_384) this.#forbid(`a frame of ${length} bytes`);
      if (this.#rest.byteLength < 9 + length) return;
      const frame = {
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        streamId: this.#rest.readUInt32BE(5),
        payload: Buffer.from(this.#rest.subarray(9, 9 + length)),
      };
      this.#rest = this.#rest.subarray(9 + length);
      this.#take(frame);
    }
  }

  /** The server has closed. */
  end(): void {
    if (this.#rest.byteLength > 0) this.#forbid("the end within a frame");
  }

  #forbid(what: string): void {
    this.violations.push(`after ${this.frames.length} frames: ${what}`);
  }

  #take(frame: SeenFrame): void {
    this.#checkForm(frame);
    const fields = frame.type === headers ? this.#decode(frame) : undefined;
    const seen = fields === undefined ? frame : { ...frame, fields };
    if (frame.streamId === 0) this.#takeOfConnection(frame);
    else this.#takeOfStream(seen);
    this.frames.push(seen);
  }

  #checkForm({ type, flags, streamId, payload }: SeenFrame): void {
    const allowed = allowedFlags[type];
    if (allowed === undefined) this.#forbid(`a frame of type ${type}`);
    else if ((flags & ~allowed) !== 0) this.#forbid(`flags ${flags} on type ${type}`);
    if (fixedLengths[type] !== undefined && fixedLengths[type] !== payload.byteLength) {
      this.#forbid(`${payload.byteLength} bytes in type ${type}`);
    }
    if (this.frames.length === 0 && (type !== settings || flags !== 0)) {
      this.#forbid(`type ${type} before SETTINGS`);
    }
    const mustBeZero = type === settings || type === ping || type === goAway;
    const isEither = type === windowUpdate;
    if (!isEither && mustBeZero !== (streamId === 0)) this.#forbid(`type ${type} on ${streamId}`);
    if (this.#isFailing && type !== goAway) this.#forbid(`type ${type} after a fatal GOAWAY`);
  }

  #takeOfConnection({ type, flags, payload }: SeenFrame): void {
    const isAck = (flags & frameFlags.ack) !== 0;
    if (type === settings && isAck) {
      if (payload.byteLength > 0) this.#forbid("an acknowledgement with settings");
      if (!this.client.acknowledgeSettings()) this.#forbid("SETTINGS ACK that nobody waits for");
    } else if (type === settings) {
      if (payload.byteLength % 6 !== 0) this.#forbid("half a setting");
    } else if (type === ping && isAck) {
      if (!this.client.acknowledgePing(payload)) this.#forbid("PING ACK that nobody waits for");
    } else if (type === goAway) this.#takeGoAway(payload);
    else if (type === windowUpdate) this.#checkIncrement(payload);
  }

  #takeGoAway(payload: Buffer): void {
    const lastId = payload.readUInt32BE(0);
    if (lastId > this.#lastId) this.#forbid(`GOAWAY whose last stream grows to ${lastId}`);
    if (lastId !== 0 && lastId % 2 === 0) this.#forbid(`GOAWAY with the even stream ${lastId}`);
    if (this.#isFailing) this.#forbid("a second GOAWAY after a fatal one");
    this.#lastId = lastId;
    this.#isFailing = payload.readUInt32BE(4) !== 0;
  }

  #checkIncrement(payload: Buffer): void {
    const increment = payload.readUInt32BE(0);
    if (increment === 0 || increment > 0x7fffffff) this.#forbid(`an increment of ${increment}`);
  }

  #decode({ flags, payload }: SeenFrame): readonly string[] {
    if ((flags & frameFlags.endHeaders) === 0) this.#forbid("a block in several frames");
    const isUpdate = ((payload[0] ?? 0) & 0xe0) === 0x20;
    if (this.client.takeOwedUpdate() && !isUpdate) this.#forbid("no size update after SETTINGS");
    try {
      return this.#decoder.decode(payload) ?? [];
    } catch (error) {
      this.#forbid(`a block that is no HPACK: ${error}`);
      return [];
    }
  }

  #takeOfStream(frame: SeenFrame): void {
    const { type, streamId, payload } = frame;
    if (!this.client.hasOpened(streamId)) this.#forbid(`type ${type} on idle ${streamId}`);
    if (streamId > this.#lastId) this.#forbid(`type ${type} beyond the last stream`);
    if (type === windowUpdate) this.#checkIncrement(payload);
    if (type === data) {
      const excess = this.client.spend(streamId, payload.byteLength);
      if (excess > 0) this.#forbid(`DATA ${excess} bytes beyond the window of ${streamId}`);
    }
    const rules = this.#rulesOf(streamId);
    for (const broken of rules.take(frame)) this.#forbid(`stream ${streamId}: ${broken}`);
  }

  #rulesOf(streamId: number): AnswerRules {
    const known = this.#streams.get(streamId);
    if (known !== undefined) return known;
    const rules = new AnswerRules(this.client.isHead(streamId));
    this.#streams.set(streamId, rules);
    return rules;
  }
}
