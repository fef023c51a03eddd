import { DatabaseError } from "pg";
import { describe, expect, test } from "vitest";
import {
  outcomeFromError,
  type StatementOutcome,
  sqlState,
  sqlStateOf,
} from "../../../src/store/postgres/postgres-error.ts";

/** As the driver makes it of what a server sends. */
function serverError(code: string, constraint?: string, severity = "ERROR"): DatabaseError {
  const error = new DatabaseError("no", 2, "error");
  return Object.assign(error, { code, severity, constraint });
}

describe("outcomeFromError", () => {
  test.for<{ code: string; name: string; want: StatementOutcome }>([
    { code: "40001", name: "serialization failure", want: "retry" },
    { code: "40P01", name: "deadlock", want: "retry" },
    { code: "55P03", name: "lock not available", want: "retry" },
    { code: "25006", name: "read-only transaction", want: "elsewhere" },
    { code: "40003", name: "statement completion unknown", want: "ambiguous" },
    { code: "57P01", name: "admin shutdown", want: "ambiguous" },
    { code: "57P02", name: "crash shutdown", want: "ambiguous" },
    { code: "57P04", name: "database dropped", want: "ambiguous" },
    { code: "57P05", name: "idle session timeout", want: "ambiguous" },
    { code: "08006", name: "connection failure", want: "ambiguous" },
    { code: "08P01", name: "protocol violation", want: "ambiguous" },
    { code: "57P03", name: "cannot connect now", want: "unavailable" },
    { code: "57014", name: "query canceled", want: "unavailable" },
    { code: "53100", name: "disk full", want: "unavailable" },
    { code: "53200", name: "out of memory", want: "unavailable" },
    { code: "53300", name: "too many connections", want: "unavailable" },
    { code: "58030", name: "I/O error", want: "unavailable" },
    { code: "28P01", name: "invalid password", want: "unavailable" },
    { code: "22021", name: "character not in repertoire", want: "bug" },
    { code: "42P01", name: "undefined table", want: "bug" },
    { code: "23503", name: "foreign key violation", want: "bug" },
    { code: "23505", name: "unique violation", want: "bug" },
  ])("takes $code ($name) for $want", ({ code, want }) => {
    expect(outcomeFromError(serverError(code))).toBe(want);
  });

  test.for([
    "08006",
    "22021",
    "23505",
    "28P01",
    "40001",
    "40P01",
    "42P01",
    "53100",
    "53200",
    "53300",
    "55P03",
    "57014",
    "57P01",
    "57P03",
    "58030",
    "58P01",
    "XX000",
  ])("C3: takes %s for ambiguous if it ends the backend", (code) => {
    for (const severity of ["FATAL", "PANIC"]) {
      expect(outcomeFromError(serverError(code, "claims_pkey", severity))).toBe("ambiguous");
    }
  });

  test.for(["XX000", "XX001", "XX002"])("C3: takes %s for ambiguous", (code) => {
    expect(outcomeFromError(serverError(code))).toBe("ambiguous");
  });

  test("retries when another transaction has just taken a unique key", () => {
    expect(outcomeFromError(serverError(sqlState.uniqueViolation, "claims_pkey"))).toBe("retry");
  });

  test.for([
    new Error("Connection terminated unexpectedly"),
    new Error("Query read timeout"),
    Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
    // Five capitals, but not from a server.
    Object.assign(new Error("write EPIPE"), { code: "EPIPE" }),
  ])("takes %s for ambiguous", (error) => {
    expect(sqlStateOf(error)).toBeUndefined();
    expect(outcomeFromError(error)).toBe("ambiguous");
  });
});
