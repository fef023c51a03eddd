import { readdirSync, readFileSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAst } from "vitest/node";
import { growth, linear, worst } from "./support/work.ts";

/**
 * The regular expressions that see what a stranger sends. Each is given twice the input and must not take
 * much more than twice the time. A new one goes here; one that never sees input of strangers goes into
 * `seeNoInput`, below the reason.
 */
const seeInput: readonly string[] = [
  '/^"((?:[ !#-[\\]-~]|\\\\["\\\\])*)"$/',
  "/^[!#-+\\--[\\]-~]*$/",
  "/\\\\(.)/g",
  "/^\\+[1-9]\\d{1,14}$/",
  "/%.*/",
  "/^([^/]+)(?:\\/(\\d{1,3}))?$/",
  '/^\\s*for\\s*=\\s*"?([^"\\s]*)"?\\s*$/i',
  "/^(?:\\[([\\da-f:.]+)\\]|([\\d.]+))(?::\\d{1,5})?$/i",
  "/^[a-z][a-z\\d+.-]*:\\/\\/([^/?]*)(.*)/is",
  "/%(?=2f)/gi",
  "/%[89a-f][\\da-f]/gi",
  "/\\b(?:heads|search_keys|head_counts|attributes)\\b/g",
  "/-text/i",
  "/[-+.\\w]+/y",
  "/[-_]/",
  "/[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]/u",
  "/[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]/gu",
  "/[^ \\t\\n\\r]/",
  "/[^=]+={0,2}|=+/g",
  "/[^\\0-\\x7f]/g",
  "/[^\\x20-\\x24\\x26-\\x7e]+/gu",
  "/[^a-z0-9-]/u",
  "/[^+\\d]/g",
  "/[^\\t\\x20-\\x7e\\x80-\\xff]/",
  "/\\s+/g",
  "/^(?:NaN|-?Infinity)$/",
  "/^(?:[\\w+/-]{4})*(?:[\\w+/-]{2,3}={0,2})?$/",
  "/^(?:[\\w.~!$&'()*+;=%-]{1,255}|\\[[\\da-fA-F:.]{2,45}\\])(?::\\d{1,5})?$/",
  "/^(AA|Q[M-Z]|X[A-Z]|ZZ)$/",
  "/^([A-Za-z0-9+/]*|[\\w-]*)(={0,2})$/",
  "/^([a-z]{2,8}(?:-[a-z0-9]{1,8})*)(?:[ \\t]*;[ \\t]*q=(0(?:\\.\\d*)?|1(?:\\.0*)?))?$/i",
  "/^(\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d)(?:\\.(\\d{1,9}))?(Z|[+-]\\d\\d:\\d\\d)?$/",
  "/^-?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?$/",
  "/^-?\\d{1,12}(?:\\.\\d{1,9})?s$/",
  "/^-?\\d{1,20}$/",
  '/[ \\t,]*(?:(W\\/)?"([!#-~\\x80-\\xff]*)"|([0-9]+))[ \\t]*(?=,|$)/gy',
  "/[^ \\t,]/",
  '/(?:"[^"]*"|[^",])+/g',
  '/^\\s*handling\\s*=\\s*"?([\\w-]*)"?\\s*(?:;|$)/i',
  "/^.$/",
  "/^...?$/",
  "/^.{4}/",
  "/^::ffff:([0-9.]+)$/i",
  "/^Bearer (\\S+)$/",
  "/^Qa(a[a-z]|b[a-x])$/",
  "/^[!-~]*$/",
  "/^[!-~]+$/",
  "/^[a-z-]+$/",
  "/^[0-9]{3}$/",
  "/^[A-Z][a-z]{3}$/",
  "/^[A-Z]{2}$/",
  "/^[A-Za-z0-9+/=\\s]*$/",
  "/^[\\0-\\x7f]*$/",
  "/^[\\w-]+\\.[\\w-]*\\.[\\w-]*$/",
  "/^[\\w.,]*$/",
  "/^[a-z0-9]{1,8}$/i",
  "/^[a-z]..$/",
  "/^[a-z]...$/",
  "/^[a-z]{2,3}$/",
  "/^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\\d{3}))?(?=-|$)/",
  "/^\\/[!-~]*$/",
  "/^\\/\\w+(?:\\.\\w+)+\\/\\w+$/",
  "/^\\d{4}-/",
  "/^application\\/grpc(?:[+;]|$)/i",
  "/^application\\/grpc-web(?:-text)?(?:[+;]|$)/i",
  "/^application\\/grpc-web-text(?:[+;]|$)/i",
  "/^q=0(\\.0*)?$/i",
  "/^q[a-t][a-z]$/",
  "/^und[-_]/i",
];

/** Those that only see what the owner of the server, of the browser or of the source has written. */
const seeNoInput: Readonly<Record<string, readonly string[]>> = {
  "What the operating system says of mounts.": ["/\\\\([0-7]{3})/g"],
  "A table in the source.": ["/^([0-9a-f]+)(?:-([0-9a-f]+)(?=[/+-]))?(\\/2)?([+-][0-9a-f]+)$/"],
  "The issuer is configured.": ["/\\/$/"],
  "What is typed on the command line.": [
    "/^([1-9][0-9]{0,8})([mhd])$/",
    "/^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,255}$/u",
    "/^error: /",
  ],
  "What is configured.": [
    "/^([^/%]+)(?:\\/(\\d{1,3}))?$/",
    "/^(postgres(?:ql)?:\\/\\/)((?:[^/?#]*@)?)([^/?#]*)(\\/[^/?#]+)(?:\\?([^#]*))?$/s",
    "/:\\d+$/",
    "/[:=].*$/s",
    "/[A-Z]/g",
    "/\\/\\/.*:.*@/s",
    "/^(?:\\[([^\\]]*)\\]|([^:[\\]]*)):([0-9]{1,5})$/",
    "/^[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?$/",
    "/^[0-9]{1,15}$/",
    "/^https?:\\/\\/[^\\s?#@\\\\]+$/",
    "/^sqlite:(?!\\/\\/)./s",
  ],
  "Runs in the browser of the one who types.": [
    "/\\s+/",
    "/^#\\/users\\/([^/]+)$/",
    "/[^\\P{Cc}\\t\\n\\r]/u",
    "/\\r\\n?|\\n/",
    "/^[ -~]*$/",
    "/^[!-~]+$/",
  ],
  "Keys of the catalogue.": ["/[A-Z]/g"],
  "Versions of Node.": ["/\\d+/g"],
  "Names and addresses of our own modules.": [
    "/^@(?:bufbuild|connectrpc)\\//",
    "/\\/node_modules\\/@(?:bufbuild|connectrpc)\\/[^/]+\\/dist\\/esm\\//",
    "/^.*\\/node_modules\\/(?:@[^/]+\\/)?[^/]+/",
  ],
  "Texts of the translations.": ["/\\{(\\w+)\\}/g"],
  "Lines that the owner of the server imports.": [
    '/^\\s*\\{\\s*"line"\\s*:/',
    "/^[a-z0-9]{1,8}(-[a-z0-9]{1,8})*$/i",
  ],
  "Names in the descriptors.": ["/(?:^|_|(?<=\\d))([a-z])/g"],
  "What is configured, and what the database says.": ["/^[0-9A-Z]{5}$/"],
  "Versions of SQLite.": ["/\\d+/g"],
  "Templates in the descriptors.": [
    "/^(?:[\\w\\-.~!$&'()+,;=@:]|%[\\dA-Fa-f]{2})+$/",
    "/^(?:[\\w\\-.~!$&'()+,;=@]|%[\\dA-Fa-f]{2})+$/",
    "/^(?:\\{([^={}]*)(=|(?=\\}$)))?([^{}]*)(\\})?$/",
    "/^[A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*$/",
  ],
};

/** Files that build one of constants: what it is made of stands there. */
const built: Readonly<Record<string, number>> = { "access/personal-access-token.ts": 1 };

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.[jt]s$/.test(name))
  .map((name) => name.split(sep).join("/"));

/** The regular expressions that a source has as literals, in order, and how many it builds. */
function expressionsIn(source: string, lang: "js" | "ts"): { literals: string[]; built: number } {
  const found = { literals: [] as string[], built: 0 };
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { type, regex, raw, callee } = node as Record<string, unknown>;
    if (type === "Literal" && regex !== undefined) found.literals.push(String(raw));
    const isCall = type === "NewExpression" || type === "CallExpression";
    if (isCall && (callee as { name?: unknown }).name === "RegExp") found.built += 1;
    for (const each of Object.values(node)) visit(each);
  };
  visit(parseAst(source, { lang }));
  return found;
}

const inSource = new Map(
  files.map((file) => [
    file,
    expressionsIn(readFileSync(`${root}${file}`, "utf8"), file.endsWith(".js") ? "js" : "ts"),
  ]),
);

function expressionFrom(literal: string): RegExp {
  const end = literal.lastIndexOf("/");
  return new RegExp(literal.slice(1, end), literal.slice(end + 1));
}

const characters = [
  ..." \t\n09aAzZé長🦒\0-_.,:;=/%+&@!{}[]()\"'\\*~",
  "2f",
  "%2f",
  "a.",
  "a-",
  "-a",
  "a=",
  "aa==",
  "a ",
  " a",
  ".0",
  "{a",
];
const beginnings = [
  "",
  "/",
  "a",
  "0",
  "0.",
  "q=0.",
  "Bearer ",
  "for=",
  "http://",
  "+1",
  "application/grpc",
  "application/json",
  "::ffff:",
  "en",
  "en;q=0.",
  "{",
  "[",
  "a.a.",
];
const ends = ["", "!", "\n", "a", "=", "é"];

type Shape = { readonly beginning: string; readonly character: string; readonly end: string };
const shapes: readonly Shape[] = beginnings.flatMap((beginning) =>
  characters.flatMap((character) => ends.map((end) => ({ beginning, character, end }))),
);
const textOf = ({ beginning, character, end }: Shape, size: number) =>
  beginning + character.repeat(size / character.length) + end;

/** Look for all matches, as `replace` and `split` do, and for one. */
function matcher(literal: string): (text: string) => void {
  const expression = expressionFrom(literal);
  if (expression.global) return (text) => void text.replace(expression, "");
  if (expression.sticky) {
    return (text) => {
      expression.lastIndex = 0;
      expression.test(text);
    };
  }
  return (text) => void expression.test(text);
}

function growthOf(literal: string, size = 4_000): number {
  const match = matcher(literal);
  const prepare = (shape: Shape, size: number) => {
    const text = textOf(shape, size);
    return () => match(text);
  };
  const suspects = worst(shapes, (shape) => prepare(shape, size / 4), 4);
  return Math.max(...suspects.map((shape) => growth((size) => prepare(shape, size), size)));
}

describe("A2: regular expressions", () => {
  test("are all known, and it is known what they see", () => {
    const known = new Set([...seeInput, ...Object.values(seeNoInput).flat()]);
    const found = new Set([...inSource.values()].flatMap(({ literals }) => literals));
    expect([...found].sort()).toEqual([...known].sort());
  });

  test("are not built of input", () => {
    const building = [...inSource].filter(([, found]) => found.built > 0);
    expect(Object.fromEntries(building.map(([file, found]) => [file, found.built]))).toEqual(built);
  });

  test.for(seeInput)("take linear time: %s", (literal) => {
    expect(growthOf(literal)).toBeLessThan(linear);
  });
});

describe("A2: what would be noticed", () => {
  test("a literal, wherever it stands", () => {
    const source = "const a = { b: (c as string).replace(/d+/g, '') }; new RegExp(a); // /e/";
    expect(expressionsIn(source, "ts")).toEqual({ literals: ["/d+/g"], built: 1 });
  });

  test.for(["/^ +| +$|[^\\x20-\\x24\\x26-\\x7e]+/gu", "/\\s+$/", "/^\\d+\\d+x/"])(
    "quadratic time: %s",
    (literal) => {
      expect(growthOf(literal, 1_000)).toBeGreaterThan(linear);
    },
  );
});
