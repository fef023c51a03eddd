import { Buffer } from "node:buffer";

/** Characters of lines that are handed on together. */
const pieceLength = 262_144;

/** Objects as lines of JSON, in pieces. */
export async function* linesOf(groups: AsyncIterable<readonly object[]>): AsyncGenerator<Buffer> {
  let lines: string[] = [];
  let length = 0;
  for await (const group of groups) {
    for (const each of group) {
      const line = `${JSON.stringify(each)}\n`;
      lines.push(line);
      length += line.length;
      if (length < pieceLength) continue;
      yield Buffer.from(lines.join(""));
      lines = [];
      length = 0;
    }
  }
  if (lines.length > 0) yield Buffer.from(lines.join(""));
}

/** A line that is rejected for a reason. It says so itself, so that the other lines keep their numbers. */
export function unreadable(reason: string): object {
  return { unreadable: reason };
}
