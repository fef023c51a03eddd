import { createServerTransport } from "@zitadel/client/node";
import { createManagementServiceClient } from "@zitadel/client/v1";
import { createClientTransport } from "@zitadel/client/web";
import { describeClient } from "./client.contract.ts";
import { clientFromConnect } from "./connect-client.ts";

describeClient("@zitadel/client/node", ({ url, token }) =>
  clientFromConnect(createManagementServiceClient(createServerTransport(token, { baseUrl: url }))),
);

describeClient("@zitadel/client/web", ({ url, token }) =>
  clientFromConnect(createManagementServiceClient(createClientTransport(token, { baseUrl: url }))),
);
