import type { Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { createServerTransport } from "@zitadel/client/node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { createUserServiceClient } from "@zitadel/client/v2";
import { createClientTransport } from "@zitadel/client/web";
import { type Access, describeClient } from "./client.contract.ts";
import { clientFromConnect, userClientFromConnect } from "./connect-client.ts";
import { describeUserClient } from "./user-client.contract.ts";

const overGrpc = ({ url, token }: Access) => createServerTransport(token, { baseUrl: url });
const overGrpcWeb = ({ url, token }: Access) => createClientTransport(token, { baseUrl: url });
/** @zitadel/client has no transport of its own for Connect, but takes one. */
const overConnect = ({ url, token }: Access) => {
  const authenticate: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return createConnectTransport({ baseUrl: url, httpVersion: "2", interceptors: [authenticate] });
};

for (const [name, transport] of Object.entries({
  "@zitadel/client/node": overGrpc,
  "@zitadel/client/web": overGrpcWeb,
})) {
  describeClient(name, (access) =>
    clientFromConnect(createManagementServiceClient(transport(access))),
  );
}

for (const [name, transport] of Object.entries({
  "@zitadel/client/v2 over gRPC": overGrpc,
  "@zitadel/client/v2 over gRPC-Web": overGrpcWeb,
  "@zitadel/client/v2 over Connect": overConnect,
})) {
  describeUserClient(name, (access) =>
    userClientFromConnect(createUserServiceClient(transport(access))),
  );
}
