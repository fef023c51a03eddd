import type { RequestHead } from "./exchange.ts";

/** What a client wants the server to do before it sends its body (RFC 9110 section 10.1.1). */
export type Expectation = "none" | "continue" | "unknown";

/** HTTP/1.0 has no expectations, so the header is ignored there. */
export function expectationOf({ headers, httpVersion }: RequestHead): Expectation {
  const { expect } = headers;
  if (expect === undefined || httpVersion === "1.0") return "none";
  const wishes = expect.split(",").map((wish) => wish.trim().toLowerCase());
  const named = wishes.filter((wish) => wish !== "");
  if (named.length === 0) return "none";
  return named.every((wish) => wish === "100-continue") ? "continue" : "unknown";
}
