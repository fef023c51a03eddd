import { describe, expect, test } from "vitest";
import { compressMinBytes } from "../../../src/wire/limits.ts";
import { answerCompression, requestCompression } from "../../../src/wire/protocol/compression.ts";

describe("the compression of a request", () => {
  test.for([
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    [" Identity ", undefined],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
  ])("%j: %s", ([name, want]) => {
    expect(requestCompression(name, "grpc-accept-encoding")?.name).toBe(want);
  });

  test("is refused if it is not known, with those that are", () => {
    let thrown: unknown;
    try {
      requestCompression("zip", "grpc-accept-encoding");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ rawMessage: expect.stringContaining('"zip"') });
    const { metadata } = thrown as { metadata: Headers };
    expect(metadata.get("grpc-accept-encoding")).toBe("gzip,br");
  });
});

describe("the compression of an answer", () => {
  test.for([
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["zip, br, gzip", "br"],
    ["X-GZIP", "gzip"],
    ["gzip;q=0.5, br;q=1", "gzip"],
    ["gzip;q=0, br", "br"],
    ["gzip; Q=0.000 , br", "br"],
    ["gzip;q=0.001", "gzip"],
    ["gzip;x=q=0", "gzip"],
  ])("%j: %s", ([accepted, want]) => {
    expect(answerCompression(Buffer.alloc(compressMinBytes), accepted)?.name).toBe(want);
    expect(answerCompression(Buffer.alloc(compressMinBytes - 1), accepted)).toBeUndefined();
  });
});
