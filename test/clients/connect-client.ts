import { fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type CallOptions, type Client as ConnectClient, ConnectError } from "@connectrpc/connect";
import {
  GetHumanProfileRequestSchema,
  GetHumanProfileResponseSchema,
  type ManagementService,
  UpdateHumanProfileRequestSchema,
  UpdateHumanProfileResponseSchema,
} from "@zitadel/proto/zitadel/management_pb.js";
import type { Client, MethodName, Reply } from "./client.contract.ts";
import { refusalFrom } from "./proto.ts";

type ManagementClient = ConnectClient<typeof ManagementService>;

type Call = (
  service: ManagementClient,
  request: JsonObject,
  options: CallOptions,
) => Promise<JsonValue>;

const calls: Readonly<Record<MethodName, Call>> = {
  async UpdateHumanProfile(service, request, options) {
    const message = fromJson(UpdateHumanProfileRequestSchema, request);
    const response = await service.updateHumanProfile(message, options);
    return toJson(UpdateHumanProfileResponseSchema, response);
  },
  async GetHumanProfile(service, request, options) {
    const message = fromJson(GetHumanProfileRequestSchema, request);
    const response = await service.getHumanProfile(message, options);
    return toJson(GetHumanProfileResponseSchema, response);
  },
};

/** A client of Connect over any of its transports. */
export function clientFromConnect(service: ManagementClient): Client {
  return {
    call: (name, request, headers = {}) =>
      calls[name](service, request, { headers }).then(
        (body): Reply => ({ kind: "answered", body }),
        refusalFromError,
      ),
  };
}

function refusalFromError(error: unknown): Reply {
  if (!(error instanceof ConnectError)) throw error;
  const details = error.details.map((detail) => {
    if (!("type" in detail)) throw error;
    return { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value };
  });
  return refusalFrom({ code: error.code, message: error.rawMessage, details });
}
