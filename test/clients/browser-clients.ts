import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import type { Access, Client, MethodName } from "./client.contract.ts";
import { clientFromConnect } from "./connect-client.ts";
import { createGrpcWebClient } from "./grpc-web-client.ts";

/** What pages call with. */
export const browserClients: Readonly<Record<string, (access: Access) => Client>> = {
  "grpc-web, binary": (access) => createGrpcWebClient(access, "binary"),
  "grpc-web, text": (access) => createGrpcWebClient(access, "text"),
  "connect-web, gRPC-Web": (access) => createWebClient(access, createGrpcWebTransport),
  "connect-web, Connect with JSON": (access) => createWebClient(access, createConnectTransport),
  "connect-web, Connect with protobuf": (access) =>
    createWebClient(access, (options) =>
      createConnectTransport({ ...options, useBinaryFormat: true }),
    ),
  "fetch, REST": createFetchClient,
};

type TransportOptions = { readonly baseUrl: string; readonly interceptors: Interceptor[] };

function createWebClient(
  { url, token }: Access,
  createTransport: (options: TransportOptions) => Transport,
): Client {
  const authenticate: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createTransport({ baseUrl: url, interceptors: [authenticate] });
  return clientFromConnect(createClient(ManagementService, transport));
}

const verbs: Readonly<Record<MethodName, string>> = {
  UpdateHumanProfile: "PUT",
  GetHumanProfile: "GET",
};

function createFetchClient({ url, token }: Access): Client {
  return {
    async call(name, { userId, ...profile }, headers = {}) {
      const answer = await fetch(`${url}/management/v1/users/${userId}/profile`, {
        method: verbs[name],
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          ...headers,
        },
        ...(verbs[name] === "PUT" && { body: JSON.stringify(profile) }),
      });
      const body: unknown = await answer.json();
      return answer.ok ? { kind: "answered", body } : { kind: "refused", status: body };
    },
  };
}
