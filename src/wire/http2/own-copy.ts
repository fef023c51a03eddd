import { Buffer } from "node:buffer";

/**
 * A copy that keeps no other memory alive. `Buffer.from` would take it from Node's pool: one byte that is kept then
 * keeps 64 KiB.
 */
export function ownCopy(bytes: Buffer, from = 0, to = bytes.length): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}
