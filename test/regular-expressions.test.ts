import { readdirSync, readFileSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAst } from "vitest/node";
import { growth, worst } from "./support/work.ts";

/**
 * The regular expressions that see what a stranger sends, by file in src/. Each is given twice the input and
 * must not take much more than twice the time. A new one goes here; one that never sees input of strangers
 * goes into `seeNoInput`, with the reason.
 */
const seeInput: Readonly<Record<string, readonly string[]>> = {
  "access/claims.ts": ["/[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]/u"],
  "access/failed-attempts.ts": ["/^::ffff:([0-9.]+)$/i"],
  "access/jwt.ts": ["/^[\\w-]+\\.[\\w-]*\\.[\\w-]*$/"],
  "domain/language-match.ts": [
    "/^und[-_]/i",
    "/^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\\d{3}))?(?=-|$)/",
  ],
  "domain/language-subtags.ts": [
    "/^q[a-t][a-z]$/",
    "/^[a-z]{2,3}$/",
    "/^Qa(a[a-z]|b[a-x])$/",
    "/^[A-Z][a-z]{3}$/",
    "/^[0-9]{3}$/",
    "/^(AA|Q[M-Z]|X[A-Z]|ZZ)$/",
    "/^[A-Z]{2}$/",
  ],
  "domain/language.ts": [
    "/[-_]/",
    "/^[a-z0-9]{1,8}$/i",
    "/^[a-z]..$/",
    "/^[a-z]...$/",
    "/^...?$/",
    "/^.{4}/",
    "/^.$/",
    "/^.$/",
    "/^[A-Z]{2}$/",
    "/^([a-z]{2,8}(?:-[a-z0-9]{1,8})*)(?:[ \\t]*;[ \\t]*q=(0(?:\\.\\d*)?|1(?:\\.0*)?))?$/i",
  ],
  "rpc/authenticate.ts": ["/^Bearer (\\S+)$/"],
  "rpc/email-address.ts": ["/[^a-z0-9-]/u"],
  "store/search.ts": ["/^[\\0-\\x7f]*$/"],
  "store/sqlite/unsorted-keys.ts": ["/^[\\0-\\x7f]*$/"],
  "wire/compression.ts": ["/^q=0(\\.0*)?$/i"],
  "wire/connect.ts": [
    "/^application\\/(?:json|proto)(?:[ ;]|$)/i",
    "/^(?:[\\w+/-]{4})*(?:[\\w+/-]{2,3}={0,2})?$/",
  ],
  "wire/dispatch.ts": ["/^\\/\\w+(?:\\.\\w+)+\\/\\w+$/"],
  "wire/grpc-status.ts": ["/[^\\x20-\\x24\\x26-\\x7e]+/gu"],
  "wire/grpc-web-text.ts": [
    "/^application\\/grpc-web-text(?:[+;]|$)/i",
    "/^[A-Za-z0-9+/=\\s]*$/",
    "/\\s+/g",
    "/[^=]+={0,2}|=+/g",
    "/\\s+/g",
  ],
  "wire/grpc-web.ts": ["/^application\\/grpc-web(?:-text)?(?:[+;]|$)/i"],
  "wire/grpc.ts": ["/^application\\/grpc(?:[+;]|$)/i"],
  "wire/host.ts": ["/^(?:[\\w.~!$&'()*+;=%-]{1,255}|\\[[\\da-fA-F:.]{2,45}\\])(?::\\d{1,5})?$/"],
  "wire/rest/json-value.ts": ["/[^ \\t\\n\\r]/", "/[-+.\\w]+/y"],
  "wire/rest/query.ts": [
    "/^[!-~]*$/",
    "/^\\d{4}-/",
    "/^-?\\d{1,12}(?:\\.\\d{1,9})?s$/",
    "/^[\\w.,]*$/",
  ],
  "wire/rest/router.ts": ["/^\\/[!-~]*$/", "/%(?=2f)/gi"],
  "wire/rest/scalar-text.ts": [
    "/^-?\\d{1,20}$/",
    "/^(?:NaN|-?Infinity)$/",
    "/^-?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d+)?$/",
    "/^([A-Za-z0-9+/]*|[\\w-]*)(={0,2})$/",
  ],
  "wire/streaming.ts": ["/-text/i", "/^(\\d{1,8})([HMS])$/", "/^\\d{9,10}$/"],
};

/** Those that only see what the owner of the server, of the browser or of the source has written. */
const seeNoInput: Readonly<Record<string, { why: string; expressions: readonly string[] }>> = {
  "access/issuer-keys.ts": { why: "The issuer is configured.", expressions: ["/\\/$/"] },
  "cli/admin.ts": {
    why: "What is typed on the command line.",
    expressions: ["/[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]/u"],
  },
  "cli/member.ts": {
    why: "What is typed on the command line.",
    expressions: ["/^[^\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]{1,255}$/u"],
  },
  "cli/program.ts": { why: "What is typed on the command line.", expressions: ["/^error: /"] },
  "cli/token.ts": {
    why: "What is typed on the command line.",
    expressions: ["/^([1-9][0-9]{0,8})([mhd])$/"],
  },
  "config-schema.ts": {
    why: "What is configured.",
    expressions: [
      "/^(?:\\[([^\\]]*)\\]|([^:[\\]]*)):([0-9]{1,5})$/",
      "/^[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?$/",
      "/^sqlite:(?!\\/\\/)./s",
      "/^(postgres(?:ql)?:\\/\\/(?:[^/?#]*@)?)([^/?#]+)(\\/[^/?#]+(?:\\?[^#]*)?)$/s",
      "/^https?:\\/\\/[^\\s?#@\\\\]+$/",
      "/^[0-9]{1,15}$/",
    ],
  },
  "config.ts": {
    why: "What is configured.",
    expressions: ["/[A-Z]/g", "/[A-Z]/g", "/\\/\\/.*:.*@/s", "/[:=].*$/s"],
  },
  "console/find-users.ts": {
    why: "Runs in the browser of the one who types.",
    expressions: ["/\\s+/"],
  },
  "console/route.ts": {
    why: "Runs in the browser of the one who types.",
    expressions: ["/^#\\/users\\/([^/]+)$/"],
  },
  "console/sign-in.ts": {
    why: "Runs in the browser of the one who types.",
    expressions: ["/^[!-~]+$/", "/^[ -~]*$/"],
  },
  "domain/errors.ts": { why: "Keys of the catalogue.", expressions: ["/[A-Z]/g"] },
  "main.js": { why: "Versions of Node.", expressions: ["/\\d+/g"] },
  "rpc/translate.ts": { why: "Texts of the translations.", expressions: ["/\\{(\\w+)\\}/g"] },
  "rpc/user-line.ts": {
    why: "Lines that the owner of the server imports.",
    expressions: ["/^[a-z0-9]{1,8}(-[a-z0-9]{1,8})*$/i"],
  },
  "rpc/validate.ts": {
    why: "Names in the descriptors.",
    expressions: ["/(?:^|_|(?<=\\d))([a-z])/g"],
  },
  "store/postgres/connector.ts": {
    why: "What is configured, and what the database says.",
    expressions: ["/^([a-z]+:\\/\\/(?:[^/?]*@)?)([^/?]*)(.*)$/s"],
  },
  "store/postgres/postgres-error.ts": {
    why: "What is configured, and what the database says.",
    expressions: ["/^[0-9A-Z]{5}$/"],
  },
  "store/sqlite/database.ts": { why: "Versions of SQLite.", expressions: ["/\\d+/g"] },
  "wire/rest/path-template.ts": {
    why: "Templates in the descriptors.",
    expressions: [
      "/^(?:\\{([^={}]*)(=|(?=\\}$)))?([^{}]*)(\\})?$/",
      "/^[A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*$/",
      "/^(?:[\\w\\-.~!$&'()+,;=@]|%[\\dA-Fa-f]{2})+$/",
      "/^(?:[\\w\\-.~!$&'()+,;=@:]|%[\\dA-Fa-f]{2})+$/",
    ],
  },
};

/** Built of constants: what they are made of stands in the file. */
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
    const known = files.map((file) => [
      file,
      [...(seeInput[file] ?? []), ...(seeNoInput[file]?.expressions ?? [])].sort(),
    ]);
    const found = files.map((file) => [file, inSource.get(file)?.literals.sort()]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(known));
    expect(files).toEqual(
      expect.arrayContaining([...Object.keys(seeInput), ...Object.keys(seeNoInput)]),
    );
  });

  test("are not built of input", () => {
    const building = [...inSource].filter(([, found]) => found.built > 0);
    expect(Object.fromEntries(building.map(([file, found]) => [file, found.built]))).toEqual(built);
  });

  const literals = [...new Set(Object.values(seeInput).flat())];
  test.for(literals)("take linear time: %s", (literal) => {
    expect(growthOf(literal)).toBeLessThan(3);
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
      expect(growthOf(literal, 1_000)).toBeGreaterThan(3);
    },
  );
});
