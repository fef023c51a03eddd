import {
  create,
  createFileRegistry,
  type DescMessage,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import {
  anyPack,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_struct,
  file_google_protobuf_wrappers,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createJsonCodec } from "../../../src/wire/protocol/codec.ts";
import { jsonFrom } from "../../../src/wire/protocol/json-bytes.ts";
import { growth } from "../../support/work.ts";

/** A message with bytes wherever a message can have some. */
const box = (() => {
  const field = (number: number, name: string, type: Type, more: object = {}) => ({
    ...{ number, name, type, label: Label.OPTIONAL, ...more },
    jsonName: name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
  });
  const other = (typeName: string) => ({ typeName: `.${typeName}` });
  const many = { label: Label.REPEATED };
  const entry = (name: string, value: object) => ({
    name,
    field: [field(1, "key", Type.STRING), value],
    options: { mapEntry: true },
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "box.proto",
    package: "test",
    syntax: "proto3",
    dependency: [
      ...["google/protobuf/any.proto", "google/protobuf/struct.proto"],
      "google/protobuf/wrappers.proto",
    ],
    messageType: [
      {
        name: "Box",
        field: [
          field(1, "one_value", Type.BYTES),
          field(2, "text", Type.STRING),
          field(3, "many", Type.BYTES, many),
          field(4, "named", Type.MESSAGE, { ...many, ...other("test.Box.NamedEntry") }),
          field(5, "inner", Type.MESSAGE, other("test.Box")),
          field(6, "boxes", Type.MESSAGE, { ...many, ...other("test.Box") }),
          field(7, "named_boxes", Type.MESSAGE, { ...many, ...other("test.Box.NamedBoxesEntry") }),
          field(8, "chosen", Type.BYTES, { oneofIndex: 0 }),
          field(9, "chosen_box", Type.MESSAGE, { ...other("test.Box"), oneofIndex: 0 }),
          field(10, "wrapped", Type.MESSAGE, other("google.protobuf.BytesValue")),
          field(11, "any", Type.MESSAGE, other("google.protobuf.Any")),
          field(12, "struct", Type.MESSAGE, other("google.protobuf.Struct")),
          field(13, "maybe", Type.BYTES, { oneofIndex: 1, proto3Optional: true }),
        ],
        oneofDecl: [{ name: "choice" }, { name: "_maybe" }],
        nestedType: [
          entry("NamedEntry", field(2, "value", Type.BYTES)),
          entry("NamedBoxesEntry", field(2, "value", Type.MESSAGE, other("test.Box"))),
        ],
      },
    ],
  });
  const known = [
    file_google_protobuf_any,
    file_google_protobuf_struct,
    file_google_protobuf_wrappers,
  ];
  return createFileRegistry(file, (name) => known.find(({ proto }) => proto.name === name)?.proto);
})();
const schema = box.getMessage("test.Box") as DescMessage;
const options = { registry: box };

const bytes = fc.uint8Array({ maxLength: 40 });
const names = fc.constantFrom("a", "constructor", "__proto__");
const level = (inner: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc
    .record(
      {
        oneValue: bytes,
        text: fc.string(),
        many: fc.array(bytes, { maxLength: 3 }),
        named: fc.dictionary(names, bytes),
        inner,
        boxes: fc.array(inner, { maxLength: 2 }),
        namedBoxes: fc.dictionary(names, inner),
        choice: fc.oneof(
          bytes.map((value) => ({ case: "chosen", value })),
          inner.map((value) => ({ case: "chosenBox", value })),
        ),
        wrapped: bytes,
        any: inner.map((value) => anyPack(schema, value as never)),
        struct: fc.constant({ a: [1, null, { b: "c" }], d: null }),
        maybe: bytes,
      },
      { requiredKeys: [] },
    )
    .map((fields) => create(schema, fields));
const boxes = level(level(level(fc.constant(create(schema)))));

describe("jsonFrom", () => {
  test("gives what protobuf-es gives, and leaves the message as it is", () => {
    fc.assert(
      fc.property(boxes, (message) => {
        const before = structuredClone(message);
        const want: JsonValue = toJson(schema, message as never, options);
        expect(jsonFrom(schema, message as never, options)).toEqual(want);
        expect(structuredClone(message)).toEqual(before);
      }),
    );
  });

  test("writes bytes about as fast as a text of their length", () => {
    const codec = createJsonCodec(undefined);
    const least = 50_000;
    const work = (size: number) => {
      const fields = size === least ? { text: "x".repeat(size) } : { oneValue: Buffer.alloc(size) };
      const message = create(schema, fields);
      return () => void codec.encode(schema, message);
    };
    // By protobuf-es it is 30 times the work and more.
    expect(growth(work, least, 12)).toBeLessThan(12);
  });
});
