import { ScalarType } from "@bufbuild/protobuf";
import type { ScalarValue } from "@bufbuild/protobuf/reflect";
import { base64Decode } from "@bufbuild/protobuf/wire";

/** How a scalar is written in a path or a query. */
export type ScalarForm = {
  /** For the error: what the text should have been. */
  readonly expected: string;
  /** @returns `undefined` if the text is not such a value. */
  readonly parse: (text: string) => ScalarValue | undefined;
};

function wideInteger(min: bigint, max: bigint) {
  return {
    expected: `an integer from ${min} to ${max}`,
    parse: (text: string) => {
      // No 64-bit integer has more than 20 digits.
      if (!/^-?\d{1,20}$/.test(text)) return undefined;
      const value = BigInt(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

function integer(min: bigint, max: bigint) {
  const { expected, parse } = wideInteger(min, max);
  return {
    expected,
    parse: (text: string) => {
      const value = parse(text);
      return value === undefined ? undefined : Number(value);
    },
  };
}

/** @param round To the precision of the type: what becomes infinite is out of range. */
function float(expected: string, round: (value: number) => number): ScalarForm {
  return {
    expected,
    parse: (text) => {
      if (/^(?:NaN|-?Infinity)$/.test(text)) return Number(text);
      if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
      const value = Number(text);
      return Number.isFinite(round(value)) ? value : undefined;
    },
  };
}

/** The spellings that the gateway of ZITADEL accepts. */
const booleans: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

const int32 = integer(-(2n ** 31n), 2n ** 31n - 1n);
const uint32 = integer(0n, 2n ** 32n - 1n);
const int64 = wideInteger(-(2n ** 63n), 2n ** 63n - 1n);
const uint64 = wideInteger(0n, 2n ** 64n - 1n);

/** Stricter than JavaScript's own conversions: no signs, blanks or digits that JSON would not allow. */
export const scalarForms: Readonly<Record<ScalarType, ScalarForm>> = {
  [ScalarType.INT32]: int32,
  [ScalarType.SINT32]: int32,
  [ScalarType.SFIXED32]: int32,
  [ScalarType.UINT32]: uint32,
  [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64,
  [ScalarType.SINT64]: int64,
  [ScalarType.SFIXED64]: int64,
  [ScalarType.UINT64]: uint64,
  [ScalarType.FIXED64]: uint64,
  [ScalarType.FLOAT]: float("a 32-bit floating point number", Math.fround),
  [ScalarType.DOUBLE]: float("a 64-bit floating point number", (value) => value),
  [ScalarType.BOOL]: { expected: "true or false", parse: (text) => booleans.get(text) },
  [ScalarType.STRING]: {
    expected: "well-formed text",
    parse: (text) => (text.isWellFormed() ? text : undefined),
  },
  [ScalarType.BYTES]: {
    expected: "base64",
    // Stricter than base64Decode, which skips white space and so the "+" of a careless client.
    parse: (text) => {
      const digits = /^([A-Za-z0-9+/]*|[\w-]*)(={0,2})$/.exec(text);
      if (digits === null || (digits[1] ?? "").length % 4 === 1) return undefined;
      if (digits[2] !== "" && text.length % 4 !== 0) return undefined;
      return base64Decode(text);
    },
  },
};
