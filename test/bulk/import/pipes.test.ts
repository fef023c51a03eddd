import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BulkError } from "../../../src/bulk/bulk-error.ts";
import { openSource } from "../../../src/bulk/import/import-source.ts";
import { openInputFile } from "../../../src/bulk/import/prepared-source.ts";
import { createPlace, type Place } from "../../cli/serving.ts";
import { root, runProgram } from "../../support/child.ts";

const user = (id: number) =>
  `${JSON.stringify({
    userId: String(id),
    userName: `user-${id}`,
    profile: { firstName: "Gigi", lastName: "Giraffe" },
    email: { email: "gigi@giraffe.example" },
  })}\n`;

/** A named pipe with lines in it, which stays open. */
async function createPipe(lines: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "giraffe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pipe = join(folder, "users.ndjson");
  expect(await runProgram("mkfifo", [pipe])).toMatchObject({ code: 0 });
  // Open for both, so that nobody waits for the other end.
  const end = openSync(pipe, "r+");
  onTestFinished(() => closeSync(end));
  writeSync(end, lines);
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
    const pipe = await createPipe(user(1) + user(2));
    await expect(open(pipe)).rejects.toThrow(
      new BulkError(`cannot read ${pipe}: it is not a regular file; ${advice}`),
    );
  },
);

/** Import from stdin, which is a file or a pipe. */
const importStdin = ({ database }: Place, input: string, ...flags: string[]) =>
  runProgram("sh", [
    "-c",
    'input=$1; shift; exec "$0" "$@" < "$input"',
    ...[process.execPath, input, join(root, "src/main.js"), "import", "-"],
    ...["--database", database, ...flags],
  ]);

test("an import from stdin that fails ends, although more may come", async () => {
  const place = createPlace();
  await place.administer("org", "create", "Zoo");
  const pipe = await createPipe(user(1) + user(2));
  expect(await importStdin(place, pipe, "--org", "404")).toEqual({
    code: 1,
    stdout: "",
    stderr: 'giraffe: there is no organization "404"\n',
  });
});

test("an import from stdin that differs from what was imported ends, although more may come", async () => {
  const place = createPlace();
  await place.administer("org", "create", "Zoo");
  const before = join(place.folder, "users.ndjson");
  writeFileSync(before, user(1) + user(2));
  expect(await importStdin(place, before)).toMatchObject({ code: 0 });
  const pipe = await createPipe(user(1) + user(3));
  expect(await importStdin(place, pipe)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("stdin begins like an input that was imported before"),
  });
});
