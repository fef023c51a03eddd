import fc from "fast-check";
import { expect, test } from "vitest";
import { phoneNumberFrom } from "../../../../src/rpc/management/messages/phone-number.ts";
import { runProgram } from "../../../support/child.ts";

/** The longest text that the field rules accept. */
const text = fc.string({ unit: "binary", maxLength: 49 }).map((rest) => `+${rest}`);
const dialled = fc
  .string({ unit: fc.constantFrom(..."0123456789 -().x"), maxLength: 49 })
  .map((rest) => `+${rest}`);

test("C8: the result for any text is a number in E.164 or undefined", () => {
  fc.assert(
    fc.property(fc.oneof(text, dialled), (some) => {
      const number = phoneNumberFrom(some);
      if (number !== undefined) expect(number).toMatch(/^\+[1-9]\d{1,14}$/);
    }),
    { numRuns: 2_000 },
  );
});

test("C8: a number without a country code is read as Swiss", () => {
  expect(phoneNumberFrom("044 668 18 00")).toBe("+41446681800");
});

test.for([
  { name: "the server and its commands do not load the library", code: "", want: false },
  {
    name: "a phone number does",
    code: `(await import("./src/rpc/management/messages/phone-number.ts")).phoneNumberFrom("+41446681800");`,
    want: true,
  },
])("C8: $name", async ({ code, want }) => {
  const isLoaded = `
    import { createRequire } from "node:module";
    await import("./src/index.ts"); await import("./src/cli/run.ts");
    ${code}
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.some((path) => path.includes("google-libphonenumber")));`;
  const { stdout } = await runProgram(process.execPath, ["--input-type=module", "-e", isLoaded]);
  expect(stdout).toBe(`${want}\n`);
});
