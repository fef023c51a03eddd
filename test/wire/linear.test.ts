import { Buffer } from "node:buffer";
import { reflect } from "@bufbuild/protobuf/reflect";
import { describe, expect, test } from "vitest";
import { ListUsersRequestSchema } from "../../gen/zitadel/management_pb.ts";
import { languagesFromAcceptLanguage, parseLanguage } from "../../src/domain/language/language.ts";
import { emailProblem } from "../../src/rpc/validate/email-address.ts";
import { createFieldRules } from "../../src/rpc/validate/validate.ts";
import { createHostCheck } from "../../src/wire/http/host.ts";
import { createJsonCodec } from "../../src/wire/protocol/codec.ts";
import { answerCompression, requestCompression } from "../../src/wire/protocol/compression.ts";
import { encodeStatusMessage } from "../../src/wire/protocol/grpc-status.ts";
import { framesFromText, framesFromTextStream } from "../../src/wire/protocol/grpc-web-text.ts";
import { firstJsonValue } from "../../src/wire/protocol/rest/json-value.ts";
import { bindQuery } from "../../src/wire/protocol/rest/query.ts";
import { createRestRouter } from "../../src/wire/protocol/rest/router.ts";
import { growth, linear } from "../support/work.ts";

const json = createJsonCodec(undefined);
const parse = (text: string) => () => {
  try {
    json.parse(ListUsersRequestSchema, text);
  } catch {
    // Most of the inputs are refused.
  }
};
const bytes = (text: string) => Buffer.from(text);
const quietly = (work: () => unknown) => () => {
  try {
    work();
  } catch {
    // The cost of a refusal counts, too.
  }
};
const router = createRestRouter(
  ["/users/{id}", "/users/human", "/{a}/{b}/{c}", "/files/{path=**}", "/files/{path=**}:read"].map(
    (template) => ({ httpMethod: "GET", template, value: template }),
  ),
);
const assertFieldRules = createFieldRules();
const isHost = createHostCheck();

/** Work on input whose length a stranger chooses, where more than one regular expression does the work. */
const works: Readonly<Record<string, (size: number) => () => void>> = {
  "a status message of spaces": (size) => () =>
    void encodeStatusMessage(`a${" ".repeat(size)}b${" ".repeat(size)}`),
  "a status message of other letters": (size) => () =>
    void encodeStatusMessage("a é".repeat(size / 3)),
  "JSON with a long key twice": (size) =>
    parse(`{"${"k".repeat(size)}":1,"${"k".repeat(size)}":1}`),
  "JSON with many keys": (size) =>
    parse(`{${Array.from({ length: size / 10 }, (_, at) => `"k${at}":1`).join()}}`),
  "JSON with many nulls": (size) =>
    parse(`{"queries":[${'{"orQuery":null},'.repeat(size / 16)}{}]}`),
  "JSON with many backslashes": (size) => parse(`{"a":"${"\\\\".repeat(size)}"}`),
  "the first JSON value": (size) => quietly(() => firstJsonValue(`{"a":"${"\\\\".repeat(size)}`)),
  "white space before JSON": (size) => quietly(() => firstJsonValue(" ".repeat(size))),
  "base64 in pieces": (size) => {
    const body = bytes("AA==".repeat(size / 4));
    return () => void framesFromText(body);
  },
  "base64 and white space": (size) => {
    const body = bytes(`AAAA${" \n".repeat(size / 2)}`);
    return () => void framesFromText(body);
  },
  "padding alone": (size) => {
    const body = bytes("=".repeat(size));
    return quietly(() => framesFromText(body));
  },
  "the name of a compression": (size) => quietly(() => requestCompression(" a".repeat(size), "x")),
  "accepted compressions": (size) => {
    const [answer, accepted] = [Buffer.alloc(2_000), `a${";q=1".repeat(size / 4)}, gzip;q=0`];
    return () => void answerCompression(answer, accepted);
  },
  languages: (size) => () => void languagesFromAcceptLanguage("en;q=0.5,".repeat(size / 9)),
  "a language": (size) => () => void parseLanguage("en-".repeat(size / 3)),
  "an e-mail address": (size) => () => void emailProblem(`a@${"b.".repeat(size / 2)}`),
  "a host": (size) => () => void isHost({ headers: { host: "a.".repeat(size / 2) } } as never),
  "a path of many segments": (size) => () => void router.match("PUT", "/a".repeat(size / 2)),
  "a path of many colons": (size) => () =>
    void router.match("PUT", `/files/${":read".repeat(size / 5)}`),
  "a query of many parts": (size) => {
    const query = "a&".repeat(Math.min(size / 2, 990)) + "x".repeat(size);
    const message = reflect(ListUsersRequestSchema);
    return quietly(() => bindQuery(message, query, { exclude: [] }));
  },
  "a query of many dots": (size) => {
    const message = reflect(ListUsersRequestSchema);
    return quietly(() =>
      bindQuery(message, `query${".query".repeat(size / 6)}=1`, { exclude: [] }),
    );
  },
  "many broken field rules": (size) => {
    const message = json.parse(
      ListUsersRequestSchema,
      JSON.stringify({ queries: Array.from({ length: size / 4 }, () => ({})) }),
    );
    return quietly(() => assertFieldRules(ListUsersRequestSchema, message));
  },
};

describe("A2: twice the input is twice the work", () => {
  test.for(Object.entries(works))("%s", ([, prepare]) => {
    expect(growth(prepare, 30_000)).toBeLessThan(linear);
  });

  test("but for a number of many digits, where V8's own parser takes three times the work", () => {
    const prepare = (size: number) => parse(`{"query":{"offset":"${"9".repeat(size)}"}}`);
    expect(growth(prepare, 30_000, 3.6)).toBeLessThan(3.6);
  });

  test("JSON that is nested, where V8 makes room in steps: 16 times the input is far from 256 times the work", () => {
    // Both take less than the few milliseconds after which a busy system lets another process run.
    const least = 8_000;
    const nested = (size: number) => parse("[".repeat(size));
    const sixteenfold = (size: number) => nested(size === least ? size : 8 * size);
    expect(growth(sixteenfold, least, 80)).toBeLessThan(80);
  });

  test("base64 that arrives in many pieces", async () => {
    let joined = 0;
    async function* pieces() {
      for (let piece = 0; piece < 20_000; piece += 1) yield Buffer.from("A");
    }
    for await (const frame of framesFromTextStream(pieces())) joined += frame.byteLength;
    expect(joined).toBe(15_000);
  });
});
