import { expect, test } from "vitest";
import { trim } from "../../src/text/trim.ts";

test("C7: trim takes away what unicode.IsSpace of Go says is white space, and nothing else", () => {
  const trimmed = Array.from({ length: 0x1_0000 }, (_, code) => code).filter(
    (code) => trim(String.fromCharCode(code)) === "",
  );
  expect(trimmed.map((code) => code.toString(16)).join(" ")).toBe(
    "9 a b c d 20 85 a0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200a 2028 2029 202f 205f 3000",
  );
});

test.for([
  { text: " \u0085a b\u3000\n", want: "a b" },
  { text: "\ufeffa\u200b", want: "\ufeffa\u200b" },
  { text: "   ", want: "" },
  { text: "", want: "" },
])("C7: trim makes $want of $text", ({ text, want }) => {
  expect(trim(text)).toBe(want);
});
