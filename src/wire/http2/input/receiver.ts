import type { Buffer } from "node:buffer";
import { http2Limits } from "../../limits.ts";
import type { CloseReason } from "../close-reason.ts";
import { codes, dependencyOf, FrameReader, flags, frameTypes, preface } from "../frames.ts";
import type { Http2Session } from "../session.ts";
import { applySettings } from "../settings.ts";
import { maxWindow } from "../windows.ts";
import { Meters } from "./meters.ts";
import { RequestFrames } from "./request-frames.ts";

/** What comes in on a connection: frame by frame, by RFC 9113, section 6, and the states of section 5.1. */
export class Receiver {
  readonly meters = new Meters();
  /** Whether the preface and the first SETTINGS are here (section 3.4). */
  isGreeted = false;
  readonly #session: Http2Session;
  readonly #reader = new FrameReader();
  readonly #requests: RequestFrames;
  #prefaceAt = 0;
  /** Frames that were handled in this turn. A request counts for several. */
  #handled = 0;
  /** Our SETTINGS were not acknowledged yet. */
  #isAckDue = true;

  constructor(session: Http2Session) {
    this.#session = session;
    this.#requests = new RequestFrames(session, this.meters);
  }

  /** When the field block was begun of which not everything is here. */
  get blockSince(): number {
    const { streamId, since } = this.#requests.block;
    return streamId === 0 ? Number.POSITIVE_INFINITY : since;
  }

  /** Bytes have come. Those before must have been handled. */
  push(chunk: Buffer): void {
    const isAmidPreface = this.#prefaceAt < preface.length;
    this.#reader.push(isAmidPreface ? this.#afterPreface(chunk) : chunk);
  }

  /** Section 3.4. */
  #afterPreface(chunk: Buffer): Buffer {
    const size = Math.min(chunk.length, preface.length - this.#prefaceAt);
    const expected = preface.subarray(this.#prefaceAt, this.#prefaceAt + size);
    this.#prefaceAt += size;
    if (!expected.equals(chunk.subarray(0, size))) this.#refuse("no_preface");
    return chunk.subarray(size);
  }

  /** A turn of the event loop begins. */
  beginTurn(): void {
    this.#handled = 0;
  }

  /** Bytes that are here and wait to be handled. */
  get waitingBytes(): number {
    return this.#reader.left;
  }

  /** Bytes that are set aside for a frame and for a field block of which not everything is here. */
  get begunBytes(): number {
    return this.#reader.partialBytes + this.#requests.block.bytes;
  }

  /**
   * Handle the frames that are here, up to a number of them in one turn.
   *
   * @param most The number.
   * @returns Whether some may be left.
   */
  handleSome(most: number): boolean {
    const reader = this.#reader;
    while (this.#handled < most) {
      if (this.#session.isOver || !reader.next()) return false;
      this.#handled += reader.type === frameTypes.headers ? http2Limits.framesPerRequest : 1;
      if (reader.fault !== codes.noError) this.#session.fail(reader.fault, "bad_frame");
      else this.#handle(reader);
    }
    return true;
  }

  #handle(frame: FrameReader): void {
    // Section 4.3: nothing comes between the frames of a field block.
    const { streamId: blockId } = this.#requests.block;
    const isContinuation = frame.type === frameTypes.continuation;
    if (isContinuation ? blockId !== frame.streamId : blockId !== 0) {
      this.#refuse("bad_field_block");
      return;
    }
    if (!this.isGreeted && (frame.type !== frameTypes.settings || isAck(frame))) {
      this.#refuse("no_settings");
      return;
    }
    switch (frame.type) {
      case frameTypes.data:
        this.#requests.onData(frame);
        break;
      case frameTypes.headers:
        this.#requests.onHeaders(frame);
        break;
      case frameTypes.continuation:
        this.#requests.onContinuation(frame);
        break;
      case frameTypes.reset:
        this.#onReset(frame);
        break;
      case frameTypes.settings:
        this.#onSettings(frame);
        break;
      case frameTypes.ping:
        this.#onPing(frame);
        break;
      case frameTypes.goAway:
        // Section 6.8: a client that leaves still waits for its answers.
        this.odd();
        this.#session.closing.peerLeaves();
        break;
      case frameTypes.windowUpdate:
        this.#onWindowUpdate(frame);
        break;
      case frameTypes.priority:
        this.#onPriority(frame);
        break;
      default:
        this.odd();
    }
  }

  /** Section 6.4. */
  #onReset({ streamId }: FrameReader): void {
    const { streams, now, turn } = this.#session;
    const stream = streams.get(streamId);
    if (stream !== undefined) {
      // One that was answered is no loss.
      const isEarly = stream.turn === turn;
      if (stream.isSent || this.meters.reset(now, isEarly)) this.#session.closed(stream);
      else this.#session.fail(codes.enhanceYourCalm, "too_many_resets");
    } else if (streams.stateOf(streamId) === "idle") this.#refuse("idle_stream");
    else this.odd();
  }

  /** Section 6.5. */
  #onSettings(frame: FrameReader): void {
    const { bytes, start, length } = frame;
    const session = this.#session;
    if (isAck(frame)) {
      if (!this.#isAckDue) this.#refuse("unasked_acknowledgement");
      this.#isAckDue = false;
      return;
    }
    if (!this.meters.settings(session.now, length / 6)) {
      session.fail(codes.enhanceYourCalm, "too_many_settings");
      return;
    }
    this.isGreeted = true;
    const fault = applySettings(bytes, start, start + length, session);
    // The acknowledgement leaves before anything that uses them (section 6.5.3).
    if (fault === codes.noError) session.output.frame(frameTypes.settings, flags.ack, 0);
    else session.fail(fault, "bad_settings");
  }

  /** Section 6.7. */
  #onPing(frame: FrameReader): void {
    const { output, now } = this.#session;
    const payload = frame.bytes.subarray(frame.start, frame.start + frame.length);
    if (isAck(frame)) {
      this.odd();
      this.#session.closing.onPong(payload);
    } else if (this.meters.ping(now, output.answerFrames)) {
      output.frame(frameTypes.ping, flags.ack, 0, payload);
    } else this.#session.fail(codes.enhanceYourCalm, "too_many_pings");
  }

  /** Section 6.9. */
  #onWindowUpdate({ bytes, start, streamId }: FrameReader): void {
    const session = this.#session;
    const { output, streams } = session;
    if (!this.meters.windowUpdate(output.dataFrames)) {
      session.fail(codes.enhanceYourCalm, "too_many_window_updates");
      return;
    }
    const increment = bytes.readUInt32BE(start) & maxWindow;
    const stream = streams.get(streamId);
    if (streamId !== 0 && stream === undefined) {
      // For a closed stream it may come at any time (section 5.1).
      if (streams.stateOf(streamId) === "idle") this.#refuse("idle_stream");
    } else if (increment === 0) this.#refuse("window_update_of_0");
    else if (stream !== undefined && !stream.window.grow(increment)) {
      session.violated(stream, codes.flowControlError);
    } else if (stream === undefined && !output.window.grow(increment)) {
      session.fail(codes.flowControlError, "connection_window");
    } else output.goOn();
  }

  /** Section 5.3.2: priorities are not used. */
  #onPriority({ bytes, start, streamId }: FrameReader): void {
    if (dependencyOf(bytes, start) === streamId) this.#refuse("depends_on_itself");
    else this.odd();
  }

  /** A frame that does nothing. */
  odd(): void {
    if (this.meters.oddity(this.#session.now)) return;
    this.#session.fail(codes.enhanceYourCalm, "too_many_frames");
  }

  #refuse(reason: CloseReason): void {
    this.#session.fail(codes.protocolError, reason);
  }
}

const isAck = ({ flags: bits }: FrameReader) => (bits & flags.ack) !== 0;
