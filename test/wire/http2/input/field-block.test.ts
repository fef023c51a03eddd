import { describe, expect, test } from "vitest";
import { FieldBlock } from "../../../../src/wire/http2/input/field-block.ts";

function begin(bytes: number): FieldBlock {
  const block = new FieldBlock();
  block.begin(5, true, Buffer.alloc(bytes, "a"), 7);
  return block;
}

describe("a field block in several frames", () => {
  test("is put together, and then none is open", () => {
    const block = begin(2);
    expect(block).toMatchObject({ streamId: 5, isLast: true, since: 7, bytes: 2 });
    expect(block.add(Buffer.from("bc"), false)).toBe(true);
    expect(block.bytes).toBe(4);
    expect(block.add(Buffer.from("d"), true)).toBe(true);
    expect(block.take().toString()).toBe("aabcd");
    expect(block).toMatchObject({ streamId: 0, bytes: 0 });
  });

  test("has nothing of the one before", () => {
    const block = begin(2);
    block.take();
    block.begin(7, false, Buffer.from("x"), 9);
    expect(block).toMatchObject({ streamId: 7, isLast: false, since: 9, bytes: 1 });
    expect(block.take().toString()).toBe("x");
  });

  test("may have 32 KiB", () => {
    expect(begin(16_384).add(Buffer.alloc(16_384), true)).toBe(true);
    expect(begin(16_384).add(Buffer.alloc(16_385), true)).toBe(false);
  });

  test("may have eight CONTINUATION frames, of which the last may be empty", () => {
    const block = begin(0);
    for (let count = 0; count < 7; count++) expect(block.add(Buffer.of(1), false)).toBe(true);
    expect(block.add(Buffer.alloc(0), true)).toBe(true);
    expect(block.add(Buffer.of(1), true)).toBe(false);
    expect(begin(1).add(Buffer.alloc(0), false)).toBe(false);
  });
});
