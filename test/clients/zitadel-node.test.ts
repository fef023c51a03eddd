import type { JsonObject } from "@bufbuild/protobuf";
import {
  GetHumanProfileRequest,
  GetHumanProfileResponse,
  UpdateHumanProfileRequest,
  UpdateHumanProfileResponse,
} from "@zitadel/node/dist/api/generated/zitadel/management.js";
import {
  createAccessTokenInterceptor,
  createManagementClient,
  type ManagementServiceClient,
} from "@zitadel/node/dist/api/index.js";
import { type CallOptions, ClientError, Metadata } from "nice-grpc";
import { describe, expect, test } from "vitest";
import { gigi, startSetting } from "../support/api/setting.ts";
import { type Access, type Client, describeClient, type MethodName } from "./client.contract.ts";
import { detailsFrom, refusalFrom } from "./proto.ts";

type Call = (
  service: ManagementServiceClient,
  request: JsonObject,
  options: CallOptions,
) => Promise<unknown>;

const calls: Readonly<Record<MethodName, Call>> = {
  async UpdateHumanProfile(service, request, options) {
    const message = UpdateHumanProfileRequest.fromJSON(request);
    return UpdateHumanProfileResponse.toJSON(await service.updateHumanProfile(message, options));
  },
  async GetHumanProfile(service, request, options) {
    const message = GetHumanProfileRequest.fromJSON(request);
    return GetHumanProfileResponse.toJSON(await service.getHumanProfile(message, options));
  },
};

describeClient("@zitadel/node", createNodeClient);

describe("@zitadel/node", () => {
  test("reads the sequence as a Long and the dates as Dates", async () => {
    const setting = await startSetting();
    const service = createManagementClient(
      setting.url,
      createAccessTokenInterceptor(setting.tokens.editor),
    );
    const { details } = await service.updateHumanProfile({
      userId: await setting.addUser(),
      ...gigi,
      gender: 0,
    });
    expect(details?.sequence.toString()).toBe("2");
    expect(details?.sequence.toNumber()).toBe(2);
    expect(details?.creationDate).toBeInstanceOf(Date);
    expect(details?.changeDate).toBeInstanceOf(Date);
    await setting.close();
  });
});

function createNodeClient({ url, token }: Access): Client {
  const service = createManagementClient(url, createAccessTokenInterceptor(token));
  return {
    async call(name, request, headers = {}) {
      let trailer = Metadata();
      const options: CallOptions = {
        metadata: Metadata(headers),
        onTrailer: (received) => {
          trailer = received;
        },
      };
      try {
        return { kind: "answered", body: await calls[name](service, request, options) };
      } catch (error) {
        // nice-grpc keeps code and message; the details are in the trailers.
        const bytes = trailer.get("grpc-status-details-bin");
        if (!(error instanceof ClientError) || bytes === undefined) throw error;
        return refusalFrom({
          code: error.code,
          message: error.details,
          details: detailsFrom(bytes),
        });
      }
    },
  };
}
