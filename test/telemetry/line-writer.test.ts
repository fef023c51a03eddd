import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createLineWriter } from "../../src/telemetry/line-writer.ts";

/** Makes a descriptor lead to a file: opened files get the lowest number that is free. */
function redirect(descriptor: number, file: string): void {
  closeSync(descriptor);
  const opened: number[] = [];
  do opened.push(openSync(file, "a"));
  while (opened.at(-1) !== descriptor);
  for (const other of opened.slice(0, -1)) closeSync(other);
}

test.runIf(existsSync("/dev/full"))(
  "lines wait while the disk is full, and are written when there is room",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "giraffe-lines-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "log");
    const descriptor = openSync("/dev/full", "w");
    const writer = createLineWriter(descriptor, false);
    writer.write("first\n");
    // Longer than a batch is collected, so the disk has refused it.
    await pause(50);
    writer.write("second\n");
    redirect(descriptor, file);
    await expect.poll(() => readFileSync(file, "utf8")).toBe("first\nsecond\n");
    writer.write("third\n");
    writer.flushSync();
    expect(readFileSync(file, "utf8")).toBe("first\nsecond\nthird\n");
    closeSync(descriptor);
  },
);

test.runIf(existsSync("/dev/full"))("a full disk does not hold up the end of the process", () => {
  const descriptor = openSync("/dev/full", "w");
  const writer = createLineWriter(descriptor, false);
  writer.write("last words\n");
  writer.flushSync();
  closeSync(descriptor);
});
