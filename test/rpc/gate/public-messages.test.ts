import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ServerReflectionRequestSchema } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { HealthCheckRequestSchema } from "../../../gen/health/v1/health_pb.ts";
import { maxPublicMessageBytes } from "../../../src/rpc/routes.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { openHttp2, requestHttp2 } from "../../wire/raw.ts";
import { envelope } from "../../wire/speak.ts";

// Methods that need no token. Whoever may call them must not be able to make the server decompress and read much.

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const resourceExhausted = "8";
const notFound = "5";
const check = "/grpc.health.v1.Health/Check";

/** The code of gRPC that a call of gRPC's family is answered with. */
async function grpcCode(path: string, body: Buffer, more: Record<string, string> = {}) {
  using session = openHttp2(Number(new URL(server.url).port));
  const type = { "content-type": "application/grpc", te: "trailers", ...more };
  const request = { ":method": "POST", ":path": path, ...type };
  const { headers, trailers } = await requestHttp2(session, request, body);
  return String(trailers["grpc-status"] ?? headers["grpc-status"]);
}

async function connectCode(contentType: string, body: Uint8Array<ArrayBuffer>, encoding = "gzip") {
  const headers = { "content-type": contentType, "content-encoding": encoding };
  const answer = await fetch(server.url + check, { method: "POST", headers, body });
  return ((await answer.json()) as { code: string }).code;
}

const named = (length: number) => create(HealthCheckRequestSchema, { service: "x".repeat(length) });
const binary = (length: number) => toBinary(HealthCheckRequestSchema, named(length));
/** Tag and length. */
const overhead = 3;
const most = maxPublicMessageBytes - overhead;

describe("a request to a method that needs no token", () => {
  test("is read up to a kibibyte", async () => {
    expect(await grpcCode(check, envelope(binary(most)))).toBe(notFound);
    expect(await connectCode("application/proto", new Uint8Array(gzipSync(binary(most))))).toBe(
      "not_found",
    );
  });

  test("is refused above, over gRPC", async () => {
    expect(await grpcCode(check, envelope(binary(most + 1)))).toBe(resourceExhausted);
    const bomb = envelope(gzipSync(Buffer.alloc(60_000)), 1);
    expect(await grpcCode(check, bomb, { "grpc-encoding": "gzip" })).toBe(resourceExhausted);
  });

  test.for(["application/proto", "application/json"])("is refused above, over %s", async (type) => {
    const text = toJsonString(HealthCheckRequestSchema, named(60_000));
    const bytes = type === "application/json" ? Buffer.from(text) : binary(60_000);
    expect(await connectCode(type, new Uint8Array(bytes), "identity")).toBe("resource_exhausted");
    expect(await connectCode(type, new Uint8Array(gzipSync(bytes)))).toBe("resource_exhausted");
  });

  test("is refused above, in a stream", async () => {
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const ask = (name: string) => {
      const messageRequest = { case: "fileContainingSymbol", value: name } as const;
      const request = create(ServerReflectionRequestSchema, { messageRequest });
      return toBinary(ServerReflectionRequestSchema, request);
    };
    const gzip = { "grpc-encoding": "gzip" };
    const zipped = (name: string) => envelope(gzipSync(ask(name)), 1);
    expect(await grpcCode(path, envelope(ask("x".repeat(1_000))))).toBe("0");
    expect(await grpcCode(path, zipped("x".repeat(1_000)), gzip)).toBe("0");
    expect(await grpcCode(path, envelope(ask("x".repeat(60_000))))).toBe(resourceExhausted);
    expect(await grpcCode(path, zipped("x".repeat(60_000)), gzip)).toBe(resourceExhausted);
  });
});
