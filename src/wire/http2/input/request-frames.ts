import type { Buffer } from "node:buffer";
import { http2Limits } from "../../limits.ts";
import type { CloseReason } from "../close-reason.ts";
import { areTrailers } from "../fields.ts";
import {
  codes,
  dependencyOf,
  type FrameReader,
  flags,
  frameTypes,
  optionalBytes,
} from "../frames.ts";
import { createHpackDecoder, HpackError } from "../hpack/decoder.ts";
import type { Http2Session } from "../session.ts";
import type { Http2Stream } from "../stream.ts";
import { ReceiveWindow } from "../windows.ts";
import { FieldBlock } from "./field-block.ts";
import type { Meters } from "./meters.ts";

/** The frames that bring requests: DATA, HEADERS and CONTINUATION. */
export class RequestFrames {
  /** The field block of which not everything is here. */
  readonly block = new FieldBlock();
  readonly #session: Http2Session;
  readonly #meters: Meters;
  readonly #decoder = createHpackDecoder({
    maxBytes: http2Limits.maxListBytes,
    maxFields: http2Limits.maxFields,
  });
  readonly #window = new ReceiveWindow(http2Limits.windowBytes);

  constructor(session: Http2Session, meters: Meters) {
    this.#session = session;
    this.#meters = meters;
  }

  /** Section 6.1. */
  onData(frame: FrameReader): void {
    const { bytes, streamId, length } = frame;
    const session = this.#session;
    // Section 5.2: it counts for the connection whatever becomes of the stream, and is credited at once.
    if (!this.#window.receive(length)) {
      session.fail(codes.flowControlError, "connection_window");
      return;
    }
    const credit = this.#window.release(length);
    if (credit > 0) session.output.number(frameTypes.windowUpdate, 0, credit);
    const from = frame.start + optionalBytes(frame.flags & flags.padded);
    const to = endOfContent(frame);
    const isLast = isLastFrame(frame);
    if (to < from) this.#refuse("bad_padding");
    else if (to === from && !isLast && !this.#meters.emptyData()) {
      session.fail(codes.enhanceYourCalm, "too_many_empty_frames");
    } else {
      const stream = session.streams.get(streamId);
      if (stream === undefined) this.#refuseLate(streamId, isLast, "data_on_closed_stream");
      // Half-closed (remote).
      else if (stream.isWhole) session.fail(codes.streamClosed, "data_after_end");
      else if (!stream.receive(bytes, from, to, length, isLast)) {
        session.fail(codes.flowControlError, "stream_window");
      }
    }
  }

  /** DATA or HEADERS of a stream that is not open are an error, unless the client could not know that it is closed. */
  #refuseLate(streamId: number, isLast: boolean, reason: CloseReason): void {
    const { streams, closing } = this.#session;
    const state = streams.stateOf(streamId);
    if (state === "idle") this.#refuse("idle_stream");
    else if (state === "closed" && streamId <= closing.lastAccepted) {
      this.#session.fail(codes.streamClosed, reason);
    } else if (isLast) streams.forgetReset(streamId);
  }

  /** Section 6.2. */
  onHeaders(frame: FrameReader): void {
    const { bytes, streamId } = frame;
    const from = frame.start + optionalBytes(frame.flags);
    const to = endOfContent(frame);
    const hasPriority = (frame.flags & flags.priority) !== 0;
    if (to < from) this.#refuse("bad_padding");
    else if (hasPriority && dependencyOf(bytes, from - 5) === streamId) {
      this.#refuse("depends_on_itself");
    } else if ((frame.flags & flags.endHeaders) !== 0) {
      this.#onBlock(streamId, isLastFrame(frame), bytes.subarray(from, to));
    } else {
      const fragment = bytes.subarray(from, to);
      this.block.begin(streamId, isLastFrame(frame), fragment, this.#session.now);
    }
  }

  /** Section 6.10. */
  onContinuation({ bytes, start, length, flags: bits }: FrameReader): void {
    const { streamId, isLast } = this.block;
    const isEnd = (bits & flags.endHeaders) !== 0;
    if (!this.block.add(bytes.subarray(start, start + length), isEnd)) {
      this.#session.fail(codes.enhanceYourCalm, "bad_field_block");
    } else if (isEnd) this.#onBlock(streamId, isLast, this.block.take());
  }

  /** A whole field block. It is decoded in any case, because the table must follow it (section 4.3). */
  #onBlock(streamId: number, isLast: boolean, block: Buffer): void {
    let fields: string[] | undefined;
    try {
      fields = this.#decoder.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#session.fail(codes.compressionError, "bad_compression", error.message);
      return;
    }
    const { streams } = this.#session;
    const stream = streams.get(streamId);
    if (stream !== undefined) this.#onTrailers(stream, isLast, fields);
    // Section 5.1.1: new ids are odd and go up.
    else if (streamId > streams.lastId && streamId % 2 === 1) {
      this.#session.onRequest(streamId, isLast, fields);
    } else this.#refuseLate(streamId, isLast, "headers_on_closed_stream");
  }

  /** Section 8.1. Nobody asks for their values. */
  #onTrailers(stream: Http2Stream, isLast: boolean, fields: string[] | undefined): void {
    if (stream.isWhole) this.#session.fail(codes.streamClosed, "headers_after_end");
    else if (!isLast || fields === undefined || !areTrailers(fields)) {
      this.#session.violated(stream, codes.protocolError);
    } else stream.endRequest();
  }

  #refuse(reason: CloseReason): void {
    this.#session.fail(codes.protocolError, reason);
  }
}

const isLastFrame = ({ flags: bits }: FrameReader) => (bits & flags.endStream) !== 0;

/** Where the padding of a DATA or HEADERS frame begins, or what the frame ends with. */
function endOfContent({ bytes, start, length, flags: bits }: FrameReader): number {
  return start + length - ((bits & flags.padded) !== 0 ? (bytes[start] as number) : 0);
}
