import { createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import type { Access, Client, MethodName } from "../client.contract.ts";
import { clientFromConnect, userClientFromConnect } from "../connect-client.ts";
import type { UserMethodName } from "../user-client.contract.ts";
import { createGrpcWebClient } from "./grpc-web-client.ts";

/** Transports of Connect that run in pages. */
export const webTransports: Readonly<Record<string, (access: Access) => Transport>> = {
  "connect-web, gRPC-Web": (access) => createGrpcWebTransport(optionsFor(access)),
  "connect-web, Connect with JSON": (access) => createConnectTransport(optionsFor(access)),
  "connect-web, Connect with protobuf": (access) =>
    createConnectTransport({ ...optionsFor(access), useBinaryFormat: true }),
};

function optionsFor({ url, token }: Access) {
  const authenticate: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return { baseUrl: url, interceptors: [authenticate] };
}

/** What pages call with. */
export const browserClients: Readonly<Record<string, (access: Access) => Client>> = {
  "grpc-web, binary": (access) => createGrpcWebClient(access, "binary"),
  "grpc-web, text": (access) => createGrpcWebClient(access, "text"),
  ...Object.fromEntries(
    Object.entries(webTransports).map(([name, transport]) => [
      name,
      (access: Access) => clientFromConnect(createClient(ManagementService, transport(access))),
    ]),
  ),
  "fetch, REST": createFetchClient,
};

/** What pages call v2 with. */
export const browserUserClients: Readonly<
  Record<string, (access: Access) => Client<UserMethodName>>
> = {
  "grpc-web, binary": (access) => createGrpcWebClient(access, "binary"),
  ...Object.fromEntries(
    Object.entries(webTransports).map(([name, transport]) => [
      name,
      (access: Access) => userClientFromConnect(createClient(UserService, transport(access))),
    ]),
  ),
};

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
