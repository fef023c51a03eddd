import { fromJson, type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import { type CallOptions, type Client as ConnectClient, ConnectError } from "@connectrpc/connect";
import type { ManagementService } from "@zitadel/proto/zitadel/management_pb.js";
import type { UserService } from "@zitadel/proto/zitadel/user/v2/user_service_pb.js";
import type { Client, MethodName, Reply } from "./client.contract.ts";
import { type AnyMethodName, methods, refusalFrom } from "./proto.ts";
import type { UserMethodName } from "./user-client.contract.ts";

/** A client of v1 over any transport of Connect. */
export function clientFromConnect(
  service: ConnectClient<typeof ManagementService>,
): Client<MethodName> {
  return clientFrom(service);
}

/** The same for v2. */
export function userClientFromConnect(
  service: ConnectClient<typeof UserService>,
): Client<UserMethodName> {
  return clientFrom(service);
}

function clientFrom(service: object): Client<AnyMethodName> {
  return {
    call: (name, request, headers = {}) =>
      answerOf(service, name, request, { headers }).then(
        (body): Reply => ({ kind: "answered", body }),
        refusalFromError,
      ),
  };
}

/** A method of such a client. */
type Call = (message: Message, options: CallOptions) => Promise<Message>;

async function answerOf(
  service: object,
  name: AnyMethodName,
  request: JsonObject,
  options: CallOptions,
) {
  const { input, output, localName } = methods[name];
  const call: Call = Reflect.get(service, localName);
  return toJson(output, await call(fromJson(input, request), options));
}

function refusalFromError(error: unknown): Reply {
  if (!(error instanceof ConnectError)) throw error;
  const details = error.details.map((detail) => {
    if (!("type" in detail)) throw error;
    return { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value };
  });
  return refusalFrom({ code: error.code, message: error.rawMessage, details });
}
