import { describe, expect, test } from "vitest";
import { createHpackDecoder, HpackError } from "../../../../src/wire/http2/hpack/decoder.ts";
import {
  createHpackEncoder,
  type HpackEncoder,
  listBytes,
} from "../../../../src/wire/http2/hpack/encoder.ts";

// Long because of the tables of blocks.

const roomy = { maxBytes: 16_384, maxFields: 100 };

const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ""), "hex");

/** A list as "name: value" lines, as RFC 7541 prints it. */
const lines = (list: readonly string[] | undefined) =>
  list?.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${list[index + 1]}`] : []));

describe("the examples of RFC 7541, appendix C", () => {
  const wwwRequests = [
    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
    [
      ...[":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
      "cache-control: no-cache",
    ],
    [
      ...[":method: GET", ":scheme: https", ":path: /index.html"],
      ...[":authority: www.example.com", "custom-key: custom-value"],
    ],
  ];
  const redirect = (status: string) => [
    ...[`:status: ${status}`, "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT"],
    "location: https://www.example.com",
  ];
  const answers = [
    redirect("302"),
    [":status: 307", ...redirect("").slice(1)],
    [
      ...[":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT"],
      ...["location: https://www.example.com", "content-encoding: gzip"],
      "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ],
  ];
  test.for<{ name: string; blocks: string[]; want: string[][]; tableBytes: number[] }>([
    {
      name: "C.2.1, a literal that is indexed",
      blocks: ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
      want: [["custom-key: custom-header"]],
      tableBytes: [55],
    },
    {
      name: "C.2.2, a literal that is not indexed",
      blocks: ["040c 2f73 616d 706c 652f 7061 7468"],
      want: [[":path: /sample/path"]],
      tableBytes: [0],
    },
    {
      name: "C.2.3, a literal that is never indexed",
      blocks: ["1008 7061 7373 776f 7264 0673 6563 7265 74"],
      want: [["password: secret"]],
      tableBytes: [0],
    },
    { name: "C.2.4, an indexed field", blocks: ["82"], want: [[":method: GET"]], tableBytes: [0] },
    {
      name: "C.3, requests without Huffman",
      blocks: [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      want: wwwRequests,
      tableBytes: [57, 110, 164],
    },
    {
      name: "C.4, requests with Huffman",
      blocks: [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
      want: wwwRequests,
      tableBytes: [57, 110, 164],
    },
    {
      name: "C.5, answers without Huffman, in a table of 256 bytes",
      blocks: [
        `3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        "4803 3330 37c1 c0bf",
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
         6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d
         6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
      ],
      want: answers,
      tableBytes: [222, 222, 215],
    },
    {
      name: "C.6, answers with Huffman, in a table of 256 bytes",
      blocks: [
        `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e
         919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        "4883 640e ffc1 c0bf",
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
         d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106
         3d50 07`,
      ],
      want: answers,
      tableBytes: [222, 222, 215],
    },
  ])("$name", ({ blocks, want, tableBytes }) => {
    const decoder = createHpackDecoder(roomy);
    const seen = blocks.map((block) => ({
      list: lines(decoder.decode(bytes(block))),
      tableBytes: decoder.tableBytes,
    }));
    expect(seen).toEqual(want.map((list, index) => ({ list, tableBytes: tableBytes[index] })));
  });
});

describe("a decoder", () => {
  const a = "00 01 61";
  test.for([
    { name: "no field", block: "", want: [] },
    {
      name: "updates to 0 and to 4096 before the first field",
      block: "20 3fe11f 82",
      want: [":method: GET"],
    },
    {
      name: "an update below what the peer has announced",
      block: "3f01 82",
      want: [":method: GET"],
    },
    { name: "a literal that is never indexed", block: "10 01 61 01 62", want: ["a: b"] },
    { name: "an empty value", block: `${a} 00`, want: ["a: "] },
    { name: "an empty text with Huffman", block: `${a} 80`, want: ["a: "] },
    { name: "Huffman without padding", block: `${a} 85 ${"00".repeat(5)}`, want: ["a: 00000000"] },
    { name: "Huffman with seven bits of padding", block: `${a} 83 028aff`, want: ["a: 0 %"] },
    { name: "bytes above 0x7f, as latin1", block: `${a} 02 c3a9`, want: ["a: \u00c3\u00a9"] },
    {
      name: "a length with a leading zero",
      block: `${a} 7f8000 ${"62".repeat(127)}`,
      want: [`a: ${"b".repeat(127)}`],
    },
    {
      name: "two entries that fill the table to the last byte",
      block: "3f23 40 01 61 00 40 01 62 00 bf",
      want: ["a: ", "b: ", "a: "],
    },
    {
      name: "the name of an entry that the new entry evicts",
      block: `3f21 40 01 61 1f ${"62".repeat(31)} 7e 1f ${"63".repeat(31)} be`,
      want: [`a: ${"b".repeat(31)}`, `a: ${"c".repeat(31)}`, `a: ${"c".repeat(31)}`],
    },
  ])("takes $name", ({ block, want }) => {
    expect(lines(createHpackDecoder(roomy).decode(bytes(block)))).toEqual(want);
  });

  test.for([
    { name: "index 0", block: "80" },
    { name: "index 0 before what could be a literal", block: "80 01 61 01 62" },
    { name: "an index beyond both tables", block: "be" },
    { name: "the name of an entry beyond both tables", block: "7e 00" },
    { name: "an integer with five bytes more", block: "ff 8080808000" },
    { name: "an integer that fills 32 bits", block: "ff ffffffff0f" },
    { name: "an integer that ends too soon", block: "ff 80" },
    { name: "a literal without a name", block: "40" },
    { name: "a literal whose name ends too soon", block: "40 02 61" },
    { name: "a literal without a value", block: "40 01 61" },
    { name: "a text longer than the block", block: `${a} 05 62` },
    { name: "a text of 256 MB", block: `${a} 7fffffff7f` },
    { name: "Huffman with EOS", block: `${a} 84 ffffffff` },
    { name: "Huffman with EOS before other texts", block: `${a} 85 fffffffc1f` },
    { name: "Huffman with zeros as padding", block: `${a} 81 00` },
    { name: "Huffman with eight bits of padding", block: `${a} 81 ff` },
    { name: "Huffman with eleven bits of padding", block: `${a} 82 07ff` },
    { name: "an update after a field", block: "82 20" },
    { name: "an update after a field that could be a literal", block: "82 20 01 61 01 62" },
    { name: "a length with five bytes more", block: `${a} 7f8080808000 ${"62".repeat(127)}` },
    { name: "three updates", block: "20 20 20 82" },
    { name: "an update to more than 4096", block: "3fe21f 82" },
  ])("refuses $name", ({ block }) => {
    expect(() => createHpackDecoder(roomy).decode(bytes(block))).toThrow(HpackError);
  });

  test.for([
    {
      name: "as many fields as allowed",
      block: "82 82",
      limits: { maxBytes: 1000, maxFields: 2 },
      isTaken: true,
    },
    {
      name: "one field more",
      block: "82 82 82",
      limits: { maxBytes: 1000, maxFields: 2 },
      isTaken: false,
    },
    {
      name: "as many bytes as allowed",
      block: "82 82",
      limits: { maxBytes: 84, maxFields: 9 },
      isTaken: true,
    },
    {
      name: "one byte more",
      block: "82 82",
      limits: { maxBytes: 83, maxFields: 9 },
      isTaken: false,
    },
  ])("says of $name whether the list is within its limits", ({ block, limits, isTaken }) => {
    expect(createHpackDecoder(limits).decode(bytes(block)) !== undefined).toBe(isTaken);
  });

  test("reads a text of 40,000 letters, also with Huffman", () => {
    // The code of "a" is 00011.
    const huffman = Buffer.concat([
      bytes(`${a} ff a9 c2 01`),
      Buffer.alloc(25_000, bytes("18c6318c63")),
    ]);
    const plain = Buffer.concat([bytes(`${a} 7f c1 b7 02`), Buffer.alloc(40_000, "a")]);
    const decoder = createHpackDecoder({ maxBytes: 50_000, maxFields: 1 });
    for (const block of [huffman, plain]) {
      expect(decoder.decode(block)?.[1] === "a".repeat(40_000)).toBe(true);
    }
  });

  test("empties the table for an entry that is larger, and can fill it again", () => {
    const decoder = createHpackDecoder(roomy);
    const large = Buffer.concat([bytes("40 01 62 7f a1 1f"), Buffer.alloc(4_128, "b")]);
    for (const block of [bytes("40 01 61 01 61"), large, large]) decoder.decode(block);
    expect(decoder.tableBytes).toBe(0);
    expect(lines(decoder.decode(bytes("40 01 63 01 63 be")))).toEqual(["c: c", "c: c"]);
    expect(decoder.tableBytes).toBe(34);
  });

  test("goes on after a list over the limits, with the entries of that list", () => {
    const decoder = createHpackDecoder({ maxBytes: 16_384, maxFields: 2 });
    expect(decoder.decode(bytes("82 82 82 40 01 61 81 1f 00 01 61 81 1f"))).toBeUndefined();
    expect(lines(decoder.decode(bytes("be")))).toEqual(["a: a"]);
  });

  test("finds an error beyond the limits", () => {
    const decoder = createHpackDecoder({ maxBytes: 16_384, maxFields: 1 });
    expect(() => decoder.decode(bytes("82 82 00 01 61 81 00"))).toThrow(HpackError);
  });

  test("keeps nothing of a list that grows without end: 30,000 references to an entry of 4 KB", () => {
    const decoder = createHpackDecoder(roomy);
    const entry = Buffer.concat([bytes("40 01 61 7f a0 1e"), Buffer.alloc(4_000 - 1, "b")]);
    expect(decoder.decode(entry)).toEqual(["a", "b".repeat(3_999)]);
    expect(decoder.decode(Buffer.alloc(30_000, 0xbe))).toBeUndefined();
    expect(decoder.decode(bytes("be"))).toEqual(["a", "b".repeat(3_999)]);
  });
});

describe("an encoder", () => {
  const encode = (encoder: HpackEncoder, fields: readonly string[]) => {
    const room = Buffer.alloc(listBytes(fields) + 8);
    return room.subarray(0, encoder.write(fields, room, 0));
  };
  const answer = [":status", "200", "content-type", "application/grpc+proto", "x-frame", "none"];

  test("sends a field that comes again as one byte", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    expect(decoder.decode(encode(encoder, answer))).toEqual(answer);
    const again = encode(encoder, answer);
    expect(again).toHaveLength(3);
    expect(decoder.decode(again)).toEqual(answer);
  });

  test.for([
    { name: "in full", value: "{{{{", want: "76 04 7b7b7b7b" },
    {
      name: "with Huffman where that is shorter",
      value: "aaaaaaaa",
      want: "76 85 18c6318c63",
    },
  ])("writes a value that may come again $name", ({ value, want }) => {
    expect(encode(createHpackEncoder(), ["server", value])).toEqual(bytes(want));
  });

  test("adds a field that fills the peer's table to the last byte", () => {
    const fields = ["x-exact", "value"];
    const encoder = createHpackEncoder();
    encoder.setMaxTableSize(listBytes(fields));
    encode(encoder, fields);
    expect(encode(encoder, fields)).toHaveLength(1);
  });

  test("sends an id as it is each time, and adds it to no table", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    for (let index = 0; index < 3; index++) {
      const fields = ["x-request-id", `id-${index}`, "content-length", String(index)];
      const block = encode(encoder, fields);
      expect(block.toString("latin1")).toContain(`id-${index}`);
      expect(decoder.decode(block)).toEqual(fields);
    }
    expect(decoder.tableBytes).toBe(0);
  });

  test.for([
    { name: "0", sizes: [0], want: "20 88" },
    { name: "100", sizes: [100], want: "3f45 88" },
    { name: "0 and then 4096", sizes: [0, 4_096], want: "20 88" },
    { name: "less and then more", sizes: [4_000, 100, 2_000], want: "3f45 88" },
    { name: "more", sizes: [65_536], want: "88" },
    { name: "the same", sizes: [4_096], want: "88" },
  ])(
    "begins the next block with an update when the peer's table shrinks: $name",
    ({ sizes, want }) => {
      const encoder = createHpackEncoder();
      for (const size of sizes) encoder.setMaxTableSize(size);
      expect(encode(encoder, [":status", "200"])).toEqual(bytes(want));
      expect(encode(encoder, [":status", "200"])).toEqual(bytes("88"));
    },
  );

  test("empties a table that has entries before it shrinks, and fills it again", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    decoder.decode(encode(encoder, answer));
    encoder.setMaxTableSize(80);
    const block = encode(encoder, answer);
    expect(block.subarray(0, 3)).toEqual(bytes("20 3f31"));
    expect(decoder.decode(block)).toEqual(answer);
    expect(decoder.tableBytes).toBeLessThanOrEqual(80);
    expect(decoder.decode(encode(encoder, answer))).toEqual(answer);
  });

  test.for([1, 126, 127, 128, 254, 255, 256, 4_000])("writes a value of %d bytes", (length) => {
    const fields = [
      "content-length",
      "v".repeat(length),
      "x-kept",
      "k".repeat(Math.min(length, 256)),
    ];
    const decoder = createHpackDecoder(roomy);
    expect(decoder.decode(encode(createHpackEncoder(), fields))).toEqual(fields);
  });

  test("empties a table that has entries with one update, if it may have none any more", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    decoder.decode(encode(encoder, answer));
    encoder.setMaxTableSize(0);
    const block = encode(encoder, answer);
    expect(block.subarray(0, 2)).toEqual(bytes("20 88"));
    expect(decoder.decode(block)).toEqual(answer);
  });

  test("sends everything as literals to a peer without a table", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    encoder.setMaxTableSize(0);
    for (let index = 0; index < 3; index++) {
      expect(decoder.decode(encode(encoder, answer))).toEqual(answer);
    }
    expect(decoder.tableBytes).toBe(0);
  });

  test("stops adding when the peer's table is full, and every field stays right", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder({ maxBytes: 100_000, maxFields: 1_000 });
    const fields = Array.from({ length: 60 }, (_, index) => [
      `x-full-${index}`,
      "v".repeat(60),
    ]).flat();
    for (let index = 0; index < 3; index++) {
      expect(decoder.decode(encode(encoder, fields))).toEqual(fields);
      expect(decoder.tableBytes).toBeLessThanOrEqual(4_096);
    }
  });

  test("takes any number of values and of names", () => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    for (let index = 0; index < 1_000; index++) {
      const fields = ["x-many", `value ${index}`, `x-name-${index}`, "one"];
      expect(decoder.decode(encode(encoder, fields))).toEqual(fields);
    }
    const answers = [encode(encoder, answer), encode(encoder, answer)];
    for (const block of answers) expect(decoder.decode(block)).toEqual(answer);
  });

  test("marks a secret so that no proxy keeps it", () => {
    expect(encode(createHpackEncoder(), ["set-cookie", "s"])).toEqual(bytes("1f28 01 73"));
  });

  test.for(["content-length", "x-kept"])(
    "lets nobody add a line through the value of %s",
    (name) => {
      const value = " \tb\r\nset-cookie:\tx\0\u010a\x7f\u00e9 \t";
      const block = encode(createHpackEncoder(), [name, value]);
      const want = [name, "b??set-cookie:\tx???\u00e9"];
      expect(createHpackDecoder(roomy).decode(block)).toEqual(want);
    },
  );

  test.for([
    ...["", ":", "Name", "a b", "a:", "\u00e9"],
    ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"],
  ])("refuses the name %j, and goes on as if nothing had happened", (name) => {
    const encoder = createHpackEncoder();
    const decoder = createHpackDecoder(roomy);
    const good = ["x-good", "known"];
    expect(decoder.decode(encode(encoder, good))).toEqual(good);
    encoder.setMaxTableSize(100);
    expect(() => encode(encoder, ["x-better", "known", name, "v"])).toThrow(TypeError);
    const better = ["x-better", "known", ...good];
    for (let count = 0; count < 2; count++) {
      expect(decoder.decode(encode(encoder, better))).toEqual(better);
    }
  });
});
