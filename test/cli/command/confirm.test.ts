import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { confirm } from "../../../src/cli/command/confirm.ts";
import { cliError } from "../directory.ts";

/** Ask on a stream that stands for a terminal; returns what was written there, or the error. */
async function ask(answer: string, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = new PassThrough({ encoding: "utf8" });
  input.end(answer);
  await confirm("Sure? ", "42", { input, output });
  return output.read();
}

describe("confirm", () => {
  test.for(["42\n", " 42 \n", "42", "42\nno\n"])("takes %j for a yes", async (answer) => {
    expect(await ask(answer)).toBe("Sure? ");
  });

  test.for(["", "\n", "y\n", "yes\n", "4\n", "no\n42\n"])("takes %j for a no", async (answer) => {
    await expect(ask(answer)).rejects.toEqual(cliError("nothing was done"));
  });

  test("asks nobody without a terminal", async () => {
    await expect(ask("42\n", false)).rejects.toEqual(cliError("say --yes"));
  });
});
