import { frameFlags, frameTypes } from "../../../faults/frames.ts";
import type { SeenFrame } from "./strict-reader.ts";

/** Fields of the connection, which no answer may have (RFC 9113, section 8.2.2). */
const ofConnection = new Set([
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"],
]);

const fieldName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a value may not have
const fieldValue = /^(?![ \t])[^\0-\x08\n-\x1f\x7f]*(?<![ \t])$/;

/** What a server may send on one stream (RFC 9113, sections 5.1 and 8.1). */
export class AnswerRules {
  readonly #isHead: boolean;
  #status = 0;
  #length: number | undefined;
  #sent = 0;
  #isEnded = false;
  #isReset = false;

  /** @param isHead The request had the method HEAD. */
  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  /** @returns What is wrong with it. */
  take(frame: SeenFrame): string[] {
    const { type } = frame;
    if (this.#isReset) return [`type ${type} after RST_STREAM`];
    if (type === frameTypes.reset) {
      this.#isReset = true;
      return [];
    }
    if (type === frameTypes.windowUpdate) return [];
    if (this.#isEnded) return [`type ${type} after END_STREAM`];
    const broken = type === frameTypes.headers ? this.#takeFields(frame) : this.#takeData(frame);
    if ((frame.flags & frameFlags.endStream) !== 0) {
      this.#isEnded = true;
      return [...broken, ...this.#judgeEnd()];
    }
    return broken;
  }

  #takeFields({ fields = [], flags }: SeenFrame): string[] {
    const names = fields.filter((_, index) => index % 2 === 0);
    const broken = names.flatMap((name, index) => {
      const value = fields[2 * index + 1] as string;
      const isOk = (name === ":status" || fieldName.test(name)) && fieldValue.test(value);
      return isOk && !ofConnection.has(name) ? [] : [`the field ${name}: ${value}`];
    });
    const isEnd = (flags & frameFlags.endStream) !== 0;
    if (this.#status >= 200) return [...broken, ...judgeTrailers(names, isEnd)];
    if (names[0] !== ":status" || names.lastIndexOf(":status") !== 0) broken.push("no one status");
    this.#status = Number(fields[1]);
    if (this.#status < 200 && isEnd) broken.push(`${this.#status} with END_STREAM`);
    if (this.#status === 101) broken.push("101");
    const at = names.indexOf("content-length");
    if (at >= 0) this.#length = Number(fields[2 * at + 1]);
    if (at !== names.lastIndexOf("content-length")) broken.push("two lengths");
    return broken;
  }

  #takeData({ payload }: SeenFrame): string[] {
    this.#sent += payload.byteLength;
    return this.#status < 200 ? ["DATA before the fields of the answer"] : [];
  }

  #judgeEnd(): string[] {
    const hasNoContent = this.#isHead || this.#status === 204 || this.#status === 304;
    if (hasNoContent) return this.#sent > 0 ? ["content where none may be"] : [];
    if (this.#length === undefined || this.#length === this.#sent) return [];
    return [`${this.#sent} bytes instead of ${this.#length}`];
  }
}

function judgeTrailers(names: readonly string[], isEnd: boolean): string[] {
  const broken = names.filter((name) => name.startsWith(":")).map((name) => `trailer ${name}`);
  return isEnd ? broken : [...broken, "trailers without END_STREAM"];
}
