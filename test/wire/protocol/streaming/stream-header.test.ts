import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import type { RequestHead } from "../../../../src/wire/http/exchange.ts";
import { headerForConnect } from "../../../../src/wire/protocol/streaming/stream-header.ts";

const prepared = (headers: Record<string, string>) =>
  headerForConnect({ headers } as unknown as RequestHead);

const grpc = "application/grpc-web+proto";
const connect = "application/connect+json";

describe("the deadline of a stream is a day at most", () => {
  test.for([
    [grpc, "grpc-timeout", "24H", "24H"],
    [grpc, "grpc-timeout", "25H", "86400000m"],
    [grpc, "grpc-timeout", "1441M", "86400000m"],
    [grpc, "grpc-timeout", "86401S", "86400000m"],
    [grpc, "grpc-timeout", "99999999m", "86400000m"],
    [grpc, "grpc-timeout", "99999999u", "99999999u"],
    ["APPLICATION/GRPC", "grpc-timeout", "25H", "86400000m"],
    [connect, "connect-timeout-ms", "86400000", "86400000"],
    [connect, "connect-timeout-ms", "86400001", "86400000"],
    [connect, "connect-timeout-ms", "9999999999", "86400000"],
  ] as const)("%s, %s: %s becomes %s", ([type, name, sent, want]) => {
    const { header, problem } = prepared({ "content-type": type, [name]: sent });
    expect(header.get(name)).toBe(want);
    expect(problem).toBeUndefined();
  });
});

test("codings have one name each", () => {
  const { header } = prepared({
    "content-type": grpc,
    "grpc-encoding": "X-GZIP",
    "grpc-accept-encoding": "zstd, X-Gzip,BR",
  });
  expect(header.get("grpc-encoding")).toBe("gzip");
  expect(header.get("grpc-accept-encoding")).toBe("zstd,gzip,br");
});

test.for([
  [grpc, "grpc-timeout", "1d", Code.InvalidArgument],
  [grpc, "grpc-encoding", "zstd", Code.Unimplemented],
  [connect, "connect-timeout-ms", "1m", Code.InvalidArgument],
  [connect, "connect-content-encoding", "zstd", Code.Unimplemented],
] as const)("%s, %s: what is wrong is taken out and told: %s", ([type, name, sent, code]) => {
  const { header, problem } = prepared({ "content-type": type, [name]: sent });
  expect(header.has(name)).toBe(false);
  expect(problem?.code).toBe(code);
});
