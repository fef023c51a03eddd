import type { Http2Stream } from "./stream.ts";

/**
 * After so many new streams the table is made anew. When a Map grows or shrinks, its old memory refers to the new one. Once the
 * old memory has survived a few collections of young objects, every stream would survive them, too.
 */
const streamsPerTable = 64;

/** How many streams that we have reset are remembered. */
const maxRemembered = 256;

/** What the id of a frame stands for, if no stream with it is open (RFC 9113, section 5.1). */
export type ClosedState =
  /** Not used yet. */
  | "idle"
  /** We have reset it, and the client may not have known that when it sent the frame. */
  | "reset"
  /** It ended otherwise, long ago, or was skipped (section 5.1.1). */
  | "closed";

/** The streams of a connection, by id. */
export class StreamTable {
  #open = new Map<number, Http2Stream>();
  #added = 0;
  readonly #reset: number[] = [];
  #nextReset = 0;
  /** The highest id that the client has used. */
  lastId = 0;

  /** Streams that are open or half-closed (section 5.1.2). */
  get size(): number {
    return this.#open.size;
  }

  values(): Iterable<Http2Stream> {
    return this.#open.values();
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  add(stream: Http2Stream): void {
    this.#added += 1;
    if (this.#added % streamsPerTable === 0) this.#open = new Map(this.#open);
    this.#open.set(stream.id, stream);
  }

  delete(id: number): void {
    this.#open.delete(id);
  }

  /** The connection is over. */
  closeAll(): void {
    for (const stream of this.#open.values()) {
      this.#open.delete(stream.id);
      stream.close();
    }
  }

  /** We have reset it. */
  rememberReset(id: number): void {
    this.#reset[this.#nextReset] = id;
    this.#nextReset = (this.#nextReset + 1) % maxRemembered;
  }

  /** The client has ended it, too: nothing more can have been on its way. */
  forgetReset(id: number): void {
    const at = this.#reset.indexOf(id);
    if (at >= 0) this.#reset[at] = 0;
  }

  /** Of an id that is not open. Even ones are idle for ever: they are the server's, and we never push. */
  stateOf(id: number): ClosedState {
    if (id > this.lastId || id % 2 === 0) return "idle";
    return this.#reset.includes(id) ? "reset" : "closed";
  }
}
