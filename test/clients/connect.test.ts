import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { describeClient } from "./client.contract.ts";
import { clientFromConnect } from "./connect-client.ts";

type Options = { readonly baseUrl: string; readonly interceptors: Interceptor[] };

const transports: Readonly<Record<string, (options: Options) => Transport>> = {
  "connect-node, gRPC": createGrpcTransport,
  "connect-node, gRPC-Web over HTTP/1.1": (options) =>
    createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
  "connect-node, gRPC-Web over HTTP/2": (options) =>
    createGrpcWebTransport({ ...options, httpVersion: "2" }),
  "connect-node, JSON over HTTP/1.1": (options) =>
    createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false }),
  "connect-node, JSON over HTTP/2": (options) =>
    createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: false }),
  "connect-node, protobuf over HTTP/1.1": (options) =>
    createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: true }),
  "connect-node, protobuf over HTTP/2": (options) =>
    createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: true }),
};

for (const [name, createTransport] of Object.entries(transports)) {
  describeClient(name, ({ url, token }) => {
    const authenticate: Interceptor = (next) => (request) => {
      request.header.set("authorization", `Bearer ${token}`);
      return next(request);
    };
    const transport = createTransport({ baseUrl: url, interceptors: [authenticate] });
    return clientFromConnect(createClient(ManagementService, transport));
  });
}
