import type { Snapshot } from "../../telemetry/exposition.ts";
import type { Start } from "./log-start.ts";

/** What the first process sends to its workers. */
export type Order =
  | { readonly kind: "drain" | "reload" | "count" }
  | { readonly kind: "all counts"; readonly counts: readonly Snapshot[] };

/** What a worker sends to the first process. */
export type Report =
  | { readonly kind: "ready"; readonly start: Start }
  | { readonly kind: "count"; readonly count: Snapshot }
  | { readonly kind: "count all" };
