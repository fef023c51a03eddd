/**
 * The server under test of the conformance runner: reads one ServerCompatRequest from stdin, serves
 * ConformanceService on our listener, and writes one ServerCompatResponse to stdout.
 *
 * Argument: a FileDescriptorSet of the runner's protos.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import {
  create,
  createFileRegistry,
  createRegistry,
  type DescMessage,
  type DescService,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createListener } from "../../src/wire/index.ts";
import { createConformanceService } from "./service.ts";

const [descriptors = ""] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const packageName = "connectrpc.conformance.v1";
const service = registry.getService(`${packageName}.ConformanceService`) as DescService;
const requestSchema = registry.getMessage(`${packageName}.ServerCompatRequest`) as DescMessage;
const responseSchema = registry.getMessage(`${packageName}.ServerCompatResponse`) as DescMessage;

/** Four bytes of length, big-endian, stand before each message on stdin and stdout. */
const lengthBytes = 4;

const stdin = await buffer(process.stdin);
const request = fromBinary(requestSchema, stdin.subarray(lengthBytes)) as unknown as {
  useTls: boolean;
  clientTlsCert: Uint8Array;
  messageReceiveLimit: number;
  serverCreds?: { cert: Uint8Array; key: Uint8Array };
};

function writeTlsFiles() {
  if (!request.useTls || request.serverCreds === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const write = (name: string, bytes: Uint8Array) => {
    const file = join(folder, name);
    writeFileSync(file, bytes, { mode: 0o600 });
    return file;
  };
  return {
    certFile: write("cert.pem", request.serverCreds.cert),
    keyFile: write("key.pem", request.serverCreds.key),
    ...(request.clientTlsCert.byteLength > 0 && {
      clientCaFile: write("client.pem", request.clientTlsCert),
    }),
  };
}

const listener = createListener({
  routes: (router) => router.service(service, createConformanceService(service, registry)),
  interceptors: [],
  registry: createRegistry(registry),
  restPrefixes: { [service.typeName]: "/rest" },
  limits: {
    maxMessageBytes: request.messageReceiveLimit || 1 << 20,
    defaultDeadlineMs: 60_000,
    maxDeadlineMs: 60_000,
  },
  cors: { origins: [], requestHeaders: [], answerHeaders: [] },
  headers: {},
  pages: new Map(),
  observe: () => {},
  // How late the event loop is depends on the machine.
  maxLagMs: Number.POSITIVE_INFINITY,
});
const { address, port } = await listener.listen({
  host: "127.0.0.1",
  port: 0,
  tls: writeTlsFiles(),
});
const response = toBinary(
  responseSchema,
  create(responseSchema, {
    host: address,
    port,
    pemCert: request.serverCreds?.cert ?? new Uint8Array(),
  } as never),
);
const head = Buffer.alloc(lengthBytes);
head.writeUInt32BE(response.byteLength);
process.stdout.write(Buffer.concat([head, response]));
process.once("SIGTERM", () => listener.close(0).then(() => process.exit(0)));
