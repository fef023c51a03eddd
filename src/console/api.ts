import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import type { Session } from "./session.ts";

export type Api = Client<typeof ManagementService>;

/**
 * The server that the page came from, over gRPC-Web, called as whoever is signed in.
 *
 * @param onRefused Told when the token is not accepted, before the call fails.
 */
export function createApi({ token, organization }: Session, onRefused = () => {}): Api {
  const transport = createGrpcWebTransport({
    baseUrl: location.origin,
    interceptors: [
      (next) => async (request) => {
        request.header.set("authorization", `Bearer ${token}`);
        if (organization !== "") request.header.set("x-zitadel-orgid", organization);
        // The page is in English, so what the server says should be, too.
        request.header.set("accept-language", "en");
        try {
          return await next(request);
        } catch (error) {
          if (ConnectError.from(error).code === Code.Unauthenticated) onRefused();
          throw error;
        }
      },
    ],
  });
  return createClient(ManagementService, transport);
}
