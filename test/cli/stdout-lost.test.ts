import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { root } from "../support/child.ts";
import { createPlace } from "./serving.ts";

/** Starts giraffe so that nothing that it prints arrives. */
type Start = (argv: readonly string[]) => ChildProcess;

const startWith =
  (stdout: "pipe" | number): Start =>
  (argv) =>
    spawn(process.execPath, [join(root, "src/main.js"), ...argv], {
      stdio: ["ignore", stdout, "pipe"],
    });

const startUnread: Start = (argv) => {
  const child = startWith("pipe")(argv);
  child.stdout?.destroy();
  return child;
};

const startOnFullDisk: Start = (argv) => {
  const full = openSync("/dev/full", "w");
  const child = startWith(full)(argv);
  closeSync(full);
  return child;
};

describe.for([
  { name: "nobody reads its output", start: startUnread, error: "EPIPE" },
  ...(existsSync("/dev/full")
    ? [{ name: "the disk is full", start: startOnFullDisk, error: "ENOSPC" }]
    : []),
])("if $name,", ({ start, error }) => {
  test.for(["org list", "token list --json", "user list", "--help"])(
    "%s says so in one line, and fails",
    async (words) => {
      const { database, administer } = createPlace();
      await administer("org", "create", "Zoo");
      const place = words === "--help" ? [] : ["--database", database];
      const child = start([...words.split(" "), ...place]);
      const ended = once(child, "exit");
      expect(await text(child.stderr as NodeJS.ReadableStream)).toMatch(
        new RegExp(`^giraffe: cannot write to stdout: .*${error}.*\\n$`),
      );
      expect(await ended).toEqual([1, null]);
    },
  );
});
