import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BulkError } from "../../../src/bulk/bulk-error.ts";
import { openSource } from "../../../src/bulk/import/import-source.ts";
import { openInputFile } from "../../../src/bulk/import/prepared-source.ts";
import { runProgram } from "../../support/child.ts";

/** A named pipe with two lines in it. */
async function createPipe(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pipe = join(folder, "users.ndjson");
  expect(await runProgram("mkfifo", [pipe])).toMatchObject({ code: 0 });
  // Open for both, so that nobody waits for the other end.
  const end = openSync(pipe, "r+");
  onTestFinished(() => closeSync(end));
  writeSync(end, '{"userId":"1"}\n{"userId":"2"}\n');
  return pipe;
}

test.for([
  { name: "lines", open: openSource, advice: "to import from a pipe, use - as FILE" },
  {
    name: "another form",
    open: openInputFile,
    advice: "this form is read more than once, so write it to a file first",
  },
])(
  "a pipe that is named as a file of $name is refused, because its beginning would be lost",
  async ({ open, advice }) => {
    const pipe = await createPipe();
    await expect(open(pipe)).rejects.toThrow(
      new BulkError(`cannot read ${pipe}: it is not a regular file; ${advice}`),
    );
  },
);
