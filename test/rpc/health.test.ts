import { create } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Code,
  createClient,
  createHandlerContext,
  createRouterTransport,
} from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/health/v1/health_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { createHealth, createReadiness } from "../../src/rpc/health.ts";

function start() {
  const readiness = createReadiness();
  const handlers = createHealth(readiness, [ManagementService, Health]);
  const client = createClient(
    Health,
    createRouterTransport(({ service }) => service(Health, handlers)),
  );
  const watch = (service: string, options?: CallOptions) => {
    const answers = client.watch({ service }, options)[Symbol.asyncIterator]();
    return async () => (await answers.next()).value?.status;
  };
  return { readiness, handlers, client, watch };
}

const knownServices = [
  { name: "the whole server", service: "" },
  { name: "a service", service: "zitadel.management.v1.ManagementService" },
];
const unknownServices = [
  { name: "another service", service: "zitadel.admin.v1.AdminService" },
  { name: "a service with a leading dot", service: ".grpc.health.v1.Health" },
  { name: "a name that every object has", service: "constructor" },
];

describe("Check", () => {
  test.for(knownServices)("follows the readiness for $name", async ({ service }) => {
    const { readiness, client } = start();
    expect(await client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
    readiness.set(true);
    expect(await client.check({ service })).toMatchObject({ status: Status.SERVING });
    readiness.set(false);
    expect(await client.check({ service })).toMatchObject({ status: Status.NOT_SERVING });
  });

  test.for(unknownServices)("refuses $name", async ({ service }) => {
    const { client } = start();
    await expect(client.check({ service })).rejects.toMatchObject({
      code: Code.NotFound,
      rawMessage: "unknown service",
    });
  });
});

test("List has every known service and the whole server", async () => {
  const { readiness, client } = start();
  readiness.set(true);
  const serving = expect.objectContaining({ status: Status.SERVING });
  expect((await client.list({})).statuses).toEqual({
    "": serving,
    "zitadel.management.v1.ManagementService": serving,
    "grpc.health.v1.Health": serving,
  });
});

describe("Watch", () => {
  test.for(knownServices)(
    "sends the status of $name at once and at every change",
    async ({ service }) => {
      const { readiness, watch } = start();
      const next = watch(service);
      expect(await next()).toBe(Status.NOT_SERVING);
      const changed = next();
      readiness.set(true);
      expect(await changed).toBe(Status.SERVING);
      readiness.set(false);
      expect(await next()).toBe(Status.NOT_SERVING);
    },
  );

  test("sends nothing when the status is set to what it is", async () => {
    const { readiness, watch } = start();
    readiness.set(true);
    const next = watch("");
    expect(await next()).toBe(Status.SERVING);
    readiness.set(true);
    const changed = next();
    readiness.set(false);
    expect(await changed).toBe(Status.NOT_SERVING);
  });

  test("tells every one of many watchers", async () => {
    const { readiness, watch } = start();
    const watchers = Array.from({ length: 50 }, () => watch(""));
    await Promise.all(watchers.map((next) => next()));
    const changed = watchers.map((next) => next());
    readiness.set(true);
    expect(new Set(await Promise.all(changed))).toEqual(new Set([Status.SERVING]));
  });

  test.for(unknownServices)("stays open for $name until the client leaves", async ({ service }) => {
    const { readiness, watch } = start();
    const client = new AbortController();
    const next = watch(service, { signal: client.signal });
    expect(await next()).toBe(Status.SERVICE_UNKNOWN);
    const end = next();
    readiness.set(true);
    client.abort();
    await expect(end).rejects.toMatchObject({ code: Code.Canceled });
  });

  test.for([
    { name: "a known service", service: "" },
    { name: "an unknown service", service: "nobody" },
  ])("lets go of $name with the reason for which the call ended", async ({ service }) => {
    const { handlers } = start();
    const context = createHandlerContext({
      service: Health,
      method: Health.method.watch,
      protocolName: "grpc",
      requestMethod: "POST",
      url: "http://localhost/",
    });
    const request = create(HealthCheckRequestSchema, { service });
    const answers = handlers.watch(request, context)[Symbol.asyncIterator]();
    await answers.next();
    const end = answers.next();
    const reason = new Error("the server stops");
    context.abort(reason);
    await expect(end).rejects.toBe(reason);
    expect(await answers.next()).toEqual({ done: true, value: undefined });
  });
});

describe("the readiness", () => {
  test("is off until it is set", () => {
    const readiness = createReadiness();
    expect(readiness.isReady()).toBe(false);
    readiness.set(true);
    expect(readiness.isReady()).toBe(true);
  });

  test("refuses to wait for a caller who has left already", async () => {
    const reason = new Error("left");
    await expect(createReadiness().changed(AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
