/** The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B), for bytes as latin1. */

/**
 * How many bits the code of each byte has, and last that of EOS. The codes follow from the lengths, because
 * they count up, from the shortest to the longest and from the lowest byte to the highest.
 */
// biome-ignore format: one number a line would hide the table
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
  5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
  6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11,
  14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23,
  23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
  23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
  26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20,
  24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
  27, 27, 27, 27, 27, 26, 30,
];
const endOfString = 256;

/** The codes, in the low bits. */
const codes = countUp();

function countUp(): Uint32Array {
  const symbols = lengths.map((_, symbol) => symbol);
  symbols.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  const result = new Uint32Array(lengths.length);
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code <<= lengthOf(symbol) - length;
    length = lengthOf(symbol);
    result[symbol] = code;
    code += 1;
  }
  return result;
}

function lengthOf(symbol: number): number {
  return lengths[symbol] as number;
}

/**
 * The code as a tree: each node has two entries, for the bits 0 and 1. An entry is the number of a node, or -1
 * minus a symbol.
 *
 * EOS comes first and consists of ones. So the node that some ones lead to has their number.
 */
function growTree(): Int16Array {
  const entries = new Int16Array(2 * endOfString);
  let nodes = 1;
  for (let symbol = endOfString; symbol >= 0; symbol--) {
    let node = 0;
    for (let bit = lengthOf(symbol) - 1; bit > 0; bit--) {
      const entry = 2 * node + bitOf(symbol, bit);
      if (entries[entry] === 0) entries[entry] = nodes++;
      node = entries[entry] as number;
    }
    entries[2 * node + bitOf(symbol, 0)] = -1 - symbol;
  }
  return entries;
}

function bitOf(symbol: number, bit: number): number {
  return ((codes[symbol] as number) >>> bit) & 1;
}

/** In `steps`: EOS was read, which no string may contain. */
const invalid = -1;

/**
 * What each byte of input does in each node, for all eight bits at once. From the lowest bit: 8 bits for the next
 * node, 2 for the number of symbols that are complete, 8 for each of them. No byte completes more than two,
 * because no code is shorter than 5 bits. A step is worked out when it is first needed, and is 0 until then,
 * because all of them would take 5 ms of the start.
 */
const steps = new Int32Array(endOfString * 256);
const tree = growTree();

function learn(index: number): number {
  const step = walk(index >>> 8, index & 0xff);
  steps[index] = step;
  return step;
}

function walk(from: number, byte: number): number {
  let node = from;
  let count = 0;
  let symbols = 0;
  for (let bit = 7; bit >= 0; bit--) {
    const entry = tree[2 * node + ((byte >>> bit) & 1)] as number;
    node = Math.max(entry, 0);
    if (entry > 0) continue;
    const symbol = -1 - entry;
    if (symbol === endOfString) return invalid;
    symbols |= symbol << (8 * count);
    count += 1;
  }
  return node | (count << 8) | (symbols << 10);
}

/** More bytes than a string of so many bytes can have when it is decoded: the shortest code has 5 bits. */
export function decodedBound(length: number): number {
  return Math.ceil((length * 8) / 5) + 2;
}

/**
 * @param to At least `decodedBound(end - from)` bytes.
 * @returns How many bytes it was, or -1 if it is not the code of a string: it contains EOS, or it does not end with
 *   ones, or with more than seven of them.
 */
export function decodeHuffman(
  input: Uint8Array,
  from: number,
  end: number,
  to: Uint8Array,
): number {
  let node = 0;
  let length = 0;
  for (let at = from; at < end; at++) {
    const index = (node << 8) | (input[at] as number);
    const step = (steps[index] as number) || learn(index);
    if (step === invalid) return -1;
    to[length] = step >>> 10;
    to[length + 1] = step >>> 18;
    length += (step >>> 8) & 3;
    node = step & 0xff;
  }
  return node <= 7 ? length : -1;
}

/** Slow: for texts that are encoded once. */
export function encodeHuffman(symbols: Uint8Array): Buffer {
  const bits = symbols.reduce((sum, symbol) => sum + lengthOf(symbol), 0);
  const result = Buffer.alloc(Math.ceil(bits / 8));
  let at = 0;
  for (const symbol of symbols) {
    for (let bit = lengthOf(symbol) - 1; bit >= 0; bit--) setBit(result, at++, bitOf(symbol, bit));
  }
  while (at % 8 !== 0) setBit(result, at++, 1);
  return result;
}

function setBit(bytes: Buffer, at: number, bit: number): void {
  bytes[at >>> 3] = (bytes[at >>> 3] as number) | (bit << (7 - (at & 7)));
}
