import { describe, expect, test } from "vitest";
import { joined, raw, type Sql, sql, statementFromSql } from "../../../src/store/sql/sql.ts";

const numbered = (whole: Sql) => statementFromSql(whole, (number) => `$${number}`);

describe("statementFromSql", () => {
  const later = sql`b = ${"first made, last written"}`;
  const sooner = sql`a = ${"last made, first written"}`;

  test.for<{ name: string; given: Sql; text: string; values: unknown[] }>([
    { name: "a text alone", given: sql`select 1`, text: "select 1", values: [] },
    {
      name: "values of every kind",
      given: sql`${"text"}, ${7}, ${["a", "b"]}.`,
      text: "$1, $2, $3.",
      values: ["text", 7, ["a", "b"]],
    },
    {
      name: "values in the order of the text, whatever was made first",
      given: sql`${sooner} and ${later}`,
      text: "a = $1 and b = $2",
      values: ["last made, first written", "first made, last written"],
    },
    {
      name: "a piece as often as it is written",
      given: sql`${sooner} or ${sooner}`,
      text: "a = $1 or a = $2",
      values: ["last made, first written", "last made, first written"],
    },
    {
      name: "pieces in pieces",
      given: sql`(${sql`not (${sooner})`} and c = ${1}) limit ${2}`,
      text: "(not (a = $1) and c = $2) limit $3",
      values: ["last made, first written", 1, 2],
    },
    {
      name: "joined pieces, with what stands between them",
      given: sql`(${joined([sooner, raw("true"), later], " and ")})`,
      text: "(a = $1 and true and b = $2)",
      values: ["last made, first written", "first made, last written"],
    },
    { name: "one joined piece", given: joined([raw("a")], " and "), text: "a", values: [] },
    { name: "no joined piece", given: joined([], " and "), text: "", values: [] },
    {
      name: "a text that looks like SQL as a value",
      given: sql`${"'; drop table heads; --"}`,
      text: "$1",
      values: ["'; drop table heads; --"],
    },
  ])("writes $name", ({ given, text, values }) => {
    expect(numbered(given)).toEqual({ text, values });
  });
});
