import { create, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bindQuery, createFieldBinder } from "../../../../src/wire/protocol/rest/query.ts";
import { libraryMessage } from "./library.ts";

const request = libraryMessage("ShelfRequest");

/** The request as JSON after the query was bound to `given`. */
function bound(query: string, exclude: readonly string[] = [], given: JsonObject = {}) {
  const message = fromJson(request, given);
  bindQuery(reflect(request, message), query, { exclude });
  return toJson(request, message);
}

function boundField(fieldPath: string, text: string, given: JsonObject = {}) {
  const message = fromJson(request, given);
  createFieldBinder(request, fieldPath)(message, text);
  return toJson(request, message);
}

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

const invalid = (message: string | RegExp) =>
  expect.objectContaining({
    code: Code.InvalidArgument,
    rawMessage: expect.stringMatching(message),
  });

describe("bindQuery", () => {
  test.for<[query: string, want: object]>([
    ["", {}],
    ["&&", {}],
    ["shelfId=a", { shelfId: "a" }],
    ["shelf_id=a", { shelfId: "a" }],
    ["tags&tags=a", { tags: ["", "a"] }],
    ["alias=a", { alias: "a" }],
    ["renamed=a", { alias: "a" }],
    ["shelfId=a+b%2Bc%26%3D=d", { shelfId: "a b+c&==d" }],
    ["%73helfId=%C3%A9%252F", { shelfId: "é%2F" }],
    ["shelfId", {}],
    ["shelf.name=n&shelf.capacity=3", { shelf: { name: "n", capacity: 3 } }],
    ["shelf.above.above.name=n", { shelf: { above: { above: { name: "n" } } } }],
    ["tags=a&tags=b&tags=", { tags: ["a", "b", ""] }],
    ["tags=a,b", { tags: ["a,b"] }],
    ["shelf.topics=a&shelf.name=n&shelf.topics=b", { shelf: { name: "n", topics: ["a", "b"] } }],
    ["values.int64_s=1&unknown=2&shelf.unknown=3&=4&.=5", {}],
    ["__proto__=1&constructor.prototype=2&shelf.__proto__.polluted=3&toString=4", {}],
    ["labels[a]=b", {}],
    ["values.timestamp.seconds=5", { values: { timestamp: "1970-01-01T00:00:05Z" } }],
    ["values.doubleValue.value=5", { values: { doubleValue: 5 } }],
    ["floor=0", { floor: 0 }],
    ["beside.name=a&beside.capacity=1", { beside: { name: "a", capacity: 1 } }],
    ["values.optionalInt32=0", { values: { optionalInt32: 0 } }],
  ])("reads %s", ([query, want]) => {
    expect(bound(query)).toEqual(want);
  });

  test.for<[field: string, text: string, want: unknown]>([
    ["int32", "-2147483648", -2147483648],
    ["int32", "2147483647", 2147483647],
    ["int32", "007", 7],
    ["sint32", "-1", -1],
    ["sfixed32", "-1", -1],
    ["uint32", "4294967295", 4294967295],
    ["fixed32", "1", 1],
    ["int64", "-9223372036854775808", "-9223372036854775808"],
    ["int64", "9223372036854775807", "9223372036854775807"],
    ["sint64", "-1", "-1"],
    ["sfixed64", "-1", "-1"],
    ["uint64", "18446744073709551615", "18446744073709551615"],
    ["fixed64", "1", "1"],
    ["int64Text", "-9223372036854775808", "-9223372036854775808"],
    ["float", "1.5", 1.5],
    ["float", "12.5", 12.5],
    ["float", "-.25", -0.25],
    ["float", "3.4e38", 3.4e38],
    ["float", "NaN", "NaN"],
    ["double", "-1e-7", -1e-7],
    ["double", ".5", 0.5],
    ["double", "5.", 5],
    ["double", "Infinity", "Infinity"],
    ["double", "-Infinity", "-Infinity"],
    ["bool", "1", true],
    ["bool", "t", true],
    ["bool", "T", true],
    ["bool", "TRUE", true],
    ["bool", "true", true],
    ["bool", "True", true],
    ["boolValue", "0", false],
    ["boolValue", "f", false],
    ["boolValue", "F", false],
    ["boolValue", "FALSE", false],
    ["boolValue", "false", false],
    ["boolValue", "False", false],
    ["string", "%F0%9F%A6%92", "🦒"],
    ["bytes", "-_8=", "+/8="],
    ["bytes", "%2B/8=", "+/8="],
    ["bytes", "-_8", "+/8="],
    ["bytes", "AQ==", "AQ=="],
    ["bytes", "AQ", "AQ=="],
    ["genre", "GENRE_POETRY", "GENRE_POETRY"],
    ["genre", "1", "GENRE_POETRY"],
    ["genre", "-2", "GENRE_LAW"],
    ["timestamp", "2030-01-31T12:00:00.5Z", "2030-01-31T12:00:00.500Z"],
    ["timestamp", "2030-01-31T12:00:00%2B01:00", "2030-01-31T11:00:00Z"],
    ["duration", "3s", "3s"],
    ["duration", "-1.5s", "-1.500s"],
    ["mask", "name,above.displayName", "name,above.displayName"],
    ["mask", "", ""],
    ["doubleValue", "0", 0],
    ["int64Value", "-1", "-1"],
    ["uint32Value", "1", 1],
    ["stringValue", "", ""],
    ["bytesValue", "-_8", "+/8="],
  ])("reads %s from %s", ([field, text, want]) => {
    expect(bound(`values.${field}=${text}`)).toEqual({ values: { [field]: want } });
  });

  test.for<[query: string, want: object]>([
    ["values.int64s=1&values.int64s=-2", { values: { int64s: ["1", "-2"] } }],
    [
      "values.genres=1&values.genres=GENRE_LAW",
      { values: { genres: ["GENRE_POETRY", "GENRE_LAW"] } },
    ],
  ])("reads the repeated field of %s", ([query, want]) => {
    expect(bound(query)).toEqual(want);
  });

  const unfit: [field: string, texts: string[], reason: string][] = [
    [
      "int32",
      ["", "a", "1.0", "1e3", "0x1", "%201", "+1", "%2B1", "1_0"],
      "an integer from -2147483648",
    ],
    ["int32", ["2147483648", "-2147483649", "9".repeat(400)], "an integer from -2147483648"],
    ["uint32", ["-1", "4294967296"], "an integer from 0 to 4294967295"],
    [
      "int64",
      ["9223372036854775808", "-9223372036854775809"],
      "an integer from -9223372036854775808",
    ],
    ["uint64", ["-1", "18446744073709551616"], "an integer from 0 to 18446744073709551615"],
    ["int64Text", ["9223372036854775808"], "an integer from -9223372036854775808"],
    [
      "float",
      ["", "1e39", "-1e39", "x", "0x1p2", "0x10", "%2B1", "+1", "1+", "NaN1"],
      "a 32-bit floating point number",
    ],
    [
      "double",
      ["", ".", "1e999", "inf", "nan", "infinity", "%2BInfinity", "1,5"],
      "a 64-bit floating",
    ],
    ["bool", ["", "yes", "tRUE", "2"], "true or false"],
    ["bytes", ["A", "AQ=", "AQ===", "A=Q=", "+/8=", "-/8=", "%C3%A9", "===="], "base64"],
    [
      "genre",
      ["", "POETRY", "genre_poetry", "2", "01"],
      "a name or number of enum library.v1.Genre",
    ],
    ["timestamp", ["", "now", "2030-01-31", "2030-13-01T00:00:00Z", "5"], "an RFC 3339 timestamp"],
    ["duration", ["", "3", "3sx", "1h", "1.0000000001s", "999999999999s"], "a duration in seconds"],
    ["mask", ["display_name", "a%20b"], "field paths in camel case"],
    ["int64Value", ["x"], "an integer from -9223372036854775808"],
  ];
  test.for(
    unfit.flatMap(([field, texts, reason]) => texts.map((text) => ({ field, text, reason }))),
  )("refuses $field=$text", ({ field, text, reason }) => {
    expect(() => bound(`values.${field}=${text}`)).toThrow(
      invalid(`^type mismatch, parameter: values.${field}, error: expected ${reason}`),
    );
  });

  test.for<[query: string, reason: string]>([
    ["shelfId=a&shelfId=b", "parameter: shelfId, error: expected one value, got 2"],
    ["shelf_id=a&shelfId=a", "parameter: shelf_id, error: expected one value, got 2"],
    ["shelf.name=a&shelf.name=b", "parameter: shelf.name, error: expected one value, got 2"],
    ["labels=a", "parameter: labels, error: maps and repeated messages have no text form"],
    ["neighbours=a", "parameter: neighbours, error: maps and repeated messages have no text form"],
    ["values.timestamps=a", "parameter: values.timestamps, error: maps and repeated"],
    ["shelf=a", "parameter: shelf, error: library.v1.Shelf has no text form"],
    ["shelfId.x=a", "parameter: shelfId.x, error: shelf_id is not a message"],
    ["labels.x=a", "parameter: labels.x, error: labels is not a message"],
    ["neighbours.name=a", "parameter: neighbours.name, error: neighbours is not a message"],
    ["room=a&floor=1", "parameter: floor, error: room of the same oneof is set already"],
    ["room=&floor=1", "parameter: floor, error: room of the same oneof is set already"],
    ["floor=1&beside.name=a", "parameter: beside.name, error: floor of the same oneof"],
    ["beside.name=a&room=b", "parameter: room, error: beside of the same oneof is set already"],
  ])("refuses %s", ([query, reason]) => {
    expect(() => bound(query)).toThrow(invalid(`^type mismatch, ${reason}`));
  });

  test.for<[query: string, reason: string]>([
    ["shelfId=%", "invalid percent-encoding"],
    ["unknown=%zz", "invalid percent-encoding"],
    ["%ff=a", "invalid percent-encoding"],
    ["shelfId=%c0%af", "invalid percent-encoding"],
    ["shelfId=%ed%a0%80", "invalid percent-encoding"],
    ["shelfId=%00", "%00 is not accepted"],
    ["shelfId=é", "only printable ASCII can appear unescaped"],
    ["shelfId=\ud800", "only printable ASCII can appear unescaped"],
  ])("refuses the malformed query %j", ([query, reason]) => {
    expect(() => bound(query)).toThrow(invalid(`^malformed query: ${reason}$`));
  });

  test("accepts 1,000 parameters and no more", () => {
    expect(() => bound("x&".repeat(1000))).toThrow(
      invalid("^malformed query: more than 1000 parameters$"),
    );
    expect(bound(Array(1000).fill("tags=a").join("&"))).toEqual({ tags: Array(1000).fill("a") });
  });

  test("accepts 100 levels and no more", () => {
    expect(() => bound(`shelf.${"above.".repeat(99)}name=a`)).toThrow(
      invalid("^type mismatch, .*, error: more than 100 levels deep$"),
    );
    expect(() => bound(`shelf.${"above.".repeat(98)}name=a`)).not.toThrow();
  });

  test.for<[exclude: string, query: string]>([
    ["shelf_id", "shelfId=a&shelf_id=b"],
    ["shelf", "shelf.name=a&shelf.topics=b&shelf=c"],
    ["shelf.name", "shelf.name=a"],
    ["values.timestamp.seconds", "values.timestamp=2030-01-31T12:00:00Z"],
  ])("leaves %s to path and body", ([exclude, query]) => {
    expect(bound(query, [exclude])).toEqual({});
  });

  test("excludes a field, not the fields with longer names", () => {
    expect(bound("shelf_id=a&shelf.capacity=1", ["shelf.name", "she"])).toEqual({
      shelfId: "a",
      shelf: { capacity: 1 },
    });
  });

  test("adds to what path and body have set", () => {
    expect(bound("shelf.capacity=1", ["shelf.name"], { shelf: { name: "a" } })).toEqual({
      shelf: { name: "a", capacity: 1 },
    });
  });

  test("refuses the other field of a oneof that path or body has set", () => {
    expect(() => bound("floor=1", ["room"], { room: "a" })).toThrow(
      invalid("room of the same oneof is set already$"),
    );
  });

  test("leaves Object.prototype alone", () => {
    bound("__proto__.polluted=1&constructor.prototype.polluted=1&labels[__proto__]=1");
    expect({}).not.toHaveProperty("polluted");
  });

  test("throws nothing but ConnectError, whatever the query", () => {
    const names = request.fields.flatMap((field) => [field.name, field.jsonName]);
    const inner = libraryMessage("Values").fields.map((field) => `values.${field.name}`);
    const name = fc.oneof(
      fc.constantFrom(...names, ...inner, "shelf.name", "__proto__", "a.b"),
      fc.string({ unit: "binary" }),
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.integer().map(String),
      fc.double().map(String),
      fc.constantFrom("true", "1s", "%", "%2F", "AQ==", "2030-01-31T12:00:00Z", "GENRE_LAW"),
    );
    const parameter = fc.tuple(name, text).map((parts) => parts.join("="));
    const query = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(parameter).map((parameters) => parameters.join("&")),
    );
    fc.assert(
      fc.property(query, (raw) => {
        const message = reflect(request, create(request));
        const thrown = thrownBy(() => bindQuery(message, raw, { exclude: ["shelf_id"] }));
        expect(
          thrown === undefined ||
            (thrown instanceof ConnectError && thrown.code === Code.InvalidArgument),
          String(thrown),
        ).toBe(true);
      }),
    );
  });

  test("reads any text that a form encodes", () => {
    const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
    fc.assert(
      fc.property(fc.array(text), (tags) => {
        const message = create(request);
        const pairs = tags.map((tag): [string, string] => ["tags", tag]);
        const query = new URLSearchParams(pairs).toString();
        bindQuery(reflect(request, message), query, { exclude: [] });
        expect(message).toHaveProperty("tags", tags);
      }),
    );
  });
});

describe("createFieldBinder", () => {
  test.for<[fieldPath: string, text: string, given: JsonObject, want: object]>([
    ["shelf_id", "a", {}, { shelfId: "a" }],
    ["shelf_id", "a", { shelfId: "from the body" }, { shelfId: "a" }],
    [
      "shelf.name",
      "a",
      { shelf: { name: "b", capacity: 1 } },
      { shelf: { name: "a", capacity: 1 } },
    ],
    ["shelf.genre", "GENRE_LAW", {}, { shelf: { genre: "GENRE_LAW" } }],
    ["floor", "2", { floor: 1 }, { floor: 2 }],
    ["room", "a", { room: "b" }, { room: "a" }],
  ])("sets %s to %s in %j", ([fieldPath, text, given, want]) => {
    expect(boundField(fieldPath, text, given)).toEqual(want);
  });

  test("sets a number of the message itself", () => {
    const values = libraryMessage("Values");
    const message = fromJson(values, {});
    createFieldBinder(values, "int32")(message, "2");
    expect(toJson(values, message)).toEqual({ int32: 2 });
  });

  test.for<[fieldPath: string, text: string, given: JsonObject, reason: string]>([
    ["shelf.capacity", "many", {}, "expected an integer from -2147483648 to 2147483647"],
    ["floor", "1", { room: "a" }, "room of the same oneof is set already"],
    ["room", "a", { floor: 1 }, "floor of the same oneof is set already"],
    ["floor", "a", {}, "expected an integer from -2147483648 to 2147483647"],
    ["shelf_id", "\ud800", {}, "expected well-formed text"],
    ["nope", "a", {}, "no such field"],
  ])("refuses %s = %j in %j", ([fieldPath, text, given, reason]) => {
    expect(() => boundField(fieldPath, text, given)).toThrow(
      invalid(`^type mismatch, parameter: ${fieldPath}, error: ${reason}$`),
    );
  });
});
