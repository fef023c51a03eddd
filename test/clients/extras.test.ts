/** The extras of a change, with clients that people use. `test/documents.test.ts` runs them with grpc-js, buf curl and curl. */

import type { Interceptor, Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createServerTransport } from "@zitadel/client/node";
import { createClientTransport } from "@zitadel/client/web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Setting, startSetting } from "../support/api/setting.ts";
import type { Access } from "./client.contract.ts";
import { toldOfExtras, useExtras } from "./extras-by-connect.ts";

const optionsFor = ({ url, token }: Access) => {
  const authenticate: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  return { baseUrl: url, interceptors: [authenticate] };
};

const transports: Readonly<Record<string, (access: Access) => Transport>> = {
  "connect-node, gRPC": (access) => createGrpcTransport(optionsFor(access)),
  "connect-node, gRPC-Web": (access) =>
    createGrpcWebTransport({ ...optionsFor(access), httpVersion: "1.1" }),
  "connect-node, Connect with JSON": (access) =>
    createConnectTransport({ ...optionsFor(access), httpVersion: "1.1", useBinaryFormat: false }),
  "connect-node, Connect with protobuf": (access) =>
    createConnectTransport({ ...optionsFor(access), httpVersion: "2", useBinaryFormat: true }),
  "@zitadel/client over gRPC": ({ url, token }) => createServerTransport(token, { baseUrl: url }),
  "@zitadel/client over gRPC-Web": ({ url, token }) =>
    createClientTransport(token, { baseUrl: url }),
};

describe("extras", () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await startSetting();
  });
  afterAll(() => setting.close());

  const rows = Object.entries(transports).flatMap(([name, create]) =>
    (["v1", "v2"] as const).map((api) => ({ name, create, api })),
  );
  test.for(rows)("$name, $api", async ({ create, api }) => {
    const transport = create({ url: setting.url, token: setting.tokens.editor });
    const userId = await setting.addUser();
    expect(await useExtras(transport, api, userId)).toEqual(toldOfExtras);
    const { details, profile } = await setting.readProfile(userId);
    expect({ details, profile }).toMatchObject({
      details: { sequence: "2" },
      profile: { displayName: `Gigi by ${api}` },
    });
  });
});
