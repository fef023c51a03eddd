import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, problemsOf, read } from "./command-lines.ts";

describe("admin commands", () => {
  const database = { kind: "sqlite", path: resolve("data/giraffe.db") };

  test.for([
    {
      argv: ["org", "create", "Acme Inc"],
      want: {
        name: "org create",
        options: { database, json: false, name: "Acme Inc", id: undefined },
      },
    },
    {
      argv: ["org", "list", "--json", "--database", "sqlite:/g.db"],
      want: {
        name: "org list",
        options: { database: { kind: "sqlite", path: resolve("/g.db") }, json: true },
      },
    },
    {
      argv: [
        "token",
        "create",
        "--name",
        "ci",
        "--role",
        "ORG_OWNER",
        "--org",
        "1",
        "--expires",
        "90d",
      ],
      want: {
        name: "token create",
        options: {
          database,
          json: false,
          name: "ci",
          role: "ORG_OWNER",
          organization: "1",
          expires: "90d",
        },
      },
    },
    {
      argv: ["token", "create", "--name=-ci", "--role=IAM_OWNER"],
      want: {
        name: "token create",
        options: {
          database,
          json: false,
          name: "-ci",
          role: "IAM_OWNER",
          organization: undefined,
          expires: undefined,
        },
      },
    },
    { argv: ["token", "list"], want: { name: "token list", options: { database, json: false } } },
    {
      argv: ["token", "revoke", "--json", "42"],
      want: { name: "token revoke", options: { database, json: true, id: "42" } },
    },
    {
      argv: ["member", "add", "--subject", "auth0|sam", "--role", "ORG_OWNER", "--org", "1"],
      want: {
        name: "member add",
        options: {
          database,
          json: false,
          subject: "auth0|sam",
          role: "ORG_OWNER",
          organization: "1",
        },
      },
    },
    {
      argv: ["member", "remove", "--subject=-sam", "--role", "IAM_OWNER", "--json"],
      want: {
        name: "member remove",
        options: {
          database,
          json: true,
          subject: "-sam",
          role: "IAM_OWNER",
          organization: undefined,
        },
      },
    },
    {
      argv: ["member", "list", "--subject", "sam"],
      want: {
        name: "member list",
        options: {
          database,
          json: false,
          subject: "sam",
          role: undefined,
          organization: undefined,
        },
      },
    },
  ])("understand $argv", ({ argv, want }) => {
    expect(read(argv)).toEqual(want);
  });

  test("find the database in the environment", () => {
    expect(read(["org", "list"], { GIRAFFE_DATABASE: "sqlite:/e.db" })).toMatchObject({
      options: { database: { path: resolve("/e.db") } },
    });
  });

  test.for([
    { argv: [], want: ["a command is missing; --help lists them"] },
    { argv: ["org"], want: ["a command is missing; --help lists them"] },
    { argv: ["sevre"], want: ["unknown command 'sevre' (Did you mean serve?)"] },
    { argv: ["token", "crate"], want: ["unknown command 'crate' (Did you mean create?)"] },
    { argv: ["nonsense"], want: ["unknown command 'nonsense'; --help lists them"] },
    { argv: ["org", "nonsense"], want: ["unknown command 'nonsense'; --help lists them"] },
    { argv: ["--verbose"], want: ["unknown option '--verbose'"] },
    { argv: ["org", "create"], want: ["NAME is missing"] },
    { argv: ["org", "create", "a", "b"], want: ['"b" is an unexpected argument'] },
    { argv: ["org", "list", "a"], want: ['"a" is an unexpected argument'] },
    {
      argv: ["token", "revoke", "--force"],
      want: ["--force is not a flag of this command; --help lists them"],
    },
    {
      argv: ["member", "remove", "--org", "1"],
      want: [
        "--subject is missing: the sub of the tokens, or the id of a service account",
        expect.stringContaining("--role is missing"),
      ],
    },
    {
      argv: ["token", "create", "--database", "x", "--name"],
      want: [
        expect.stringContaining("--name is missing"),
        expect.stringContaining("--role is missing"),
        expect.stringContaining('--database "x": give sqlite:PATH'),
      ],
    },
  ])("refuse $argv", ({ argv, want }) => {
    expect(problemsOf(argv)).toEqual(want);
  });
});

describe("help", () => {
  test.for([
    { argv: ["--help"], want: "serve" },
    { argv: ["help"], want: "serve" },
    { argv: ["serve", "--help"], want: "--max-message-bytes <BYTES>" },
    { argv: ["serve", "--drain-ms", "x", "-h"], want: "GIRAFFE_LOG_LEVEL" },
    { argv: ["org", "create", "--help"], want: "giraffe org create NAME [options]" },
    { argv: ["token", "create", "--help"], want: "--role <ROLE>" },
  ])("is what $argv asks for", ({ argv, want }) => {
    expect(parse(argv)).toEqual({ kind: "help", text: expect.stringContaining(want) });
  });
});
