import type { FieldViolation } from "./field-violation.ts";

/** One rule of a text, or of bytes. */
export type ValueCheck<Value> = Pick<FieldViolation, "rule" | "text"> & {
  /** @returns The description of the violation; `undefined` if the value is valid. */
  readonly problem: (value: Value) => string | undefined;
};
