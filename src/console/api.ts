import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import type { Session } from "./sign-in/session.ts";

/** The methods of the server, as the page calls them. */
export type Api = Client<typeof ManagementService>;

/** A client of the server that the page came from. */
export function createApi(transport: Transport): Api {
  return createClient(ManagementService, transport);
}

/**
 * How calls reach the server that the page came from. They are gRPC-Web, with the token of who is signed in.
 *
 * @param onRefused Called when the server does not accept the token, before the call fails.
 */
export function createTransport({ token, organization }: Session, onRefused = () => {}): Transport {
  return createGrpcWebTransport({
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
}

/** The option of a call that changes a user only if the user still has this version. */
export function ifVersion(version: bigint): { readonly headers: HeadersInit } {
  return { headers: { "if-match": `"${version}"` } };
}
