import { describe, expect, test } from "vitest";
import { formatTable } from "../../../src/cli/command/table.ts";

describe("formatTable", () => {
  test("aligns columns and leaves no blanks at the end", () => {
    expect(
      formatTable(
        ["ID", "NAME"],
        [
          ["1", "Ä"],
          ["200", "🦒🦒 and more"],
          ["3", ""],
        ],
      ),
    ).toEqual(["ID   NAME", "1    Ä", "200  🦒🦒 and more", "3"]);
  });
});
