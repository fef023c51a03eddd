import { describe, expect, test } from "vitest";
import { startEcho } from "../echo.ts";

const cors = {
  origins: ["https://app.example", "http://localhost:3000"],
  requestHeaders: ["Authorization", "X-Zitadel-Orgid"],
  answerHeaders: ["X-Request-Id"],
};

const strangers = [
  "https://app.example.evil.example",
  "https://evil-app.example",
  "https://evilapp.example",
  "https://app.example:444",
  "http://app.example",
  "https://app.example/",
  "https://app.example.",
  "https://APP.example",
  "https://sub.app.example",
  "https://app_example",
  "https://appXexample",
  "https://user@app.example",
  "https://app.example, https://evil.example",
  "//app.example",
  "app.example",
  "null",
  "*",
  "file://",
  "",
];

const preflight = (url: string, origin: string, method = "POST") =>
  fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization,x-zitadel-orgid,x-grpc-web",
    },
  });

const allowHeaders = Object.fromEntries(
  ["origin", "methods", "headers", "credentials"].map((name) => [
    name,
    `access-control-allow-${name}`,
  ]),
);

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

const targets = [
  "/echo.v1.EchoService/Echo",
  "/echo.v1.EchoService/Spread",
  "/api/v1/notes/7",
  "/page",
  "/nowhere",
];

describe("W20: a preflight request", () => {
  test.for(targets)("of an allowed origin is answered for %s", async (target) => {
    await using server = await startEcho({}, { cors });
    const response = await preflight(`${server.url}${target}`, "https://app.example", "PUT");
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-max-age": "7200",
      vary: preflightVary,
    });
    const allowed = response.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining([
        "content-type",
        "connect-protocol-version",
        "connect-timeout-ms",
        "grpc-timeout",
        "x-grpc-web",
        "x-user-agent",
        "authorization",
        "x-zitadel-orgid",
        "accept-language",
      ]),
    );
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test.for(strangers)("of another origin is granted nothing: %j", async (origin) => {
    await using server = await startEcho({}, { cors });
    const response = await preflight(`${server.url}/api/v1/notes/7`, origin);
    expect(response.status).toBe(204);
    for (const name of Object.values(allowHeaders)) expect(response.headers.get(name)).toBeNull();
    expect(response.headers.get("vary")).toBe(preflightVary);
  });

  test.for<{ name: string; headers: Record<string, string> }>([
    { name: "a method", headers: { origin: "https://app.example" } },
    { name: "an origin", headers: { "access-control-request-method": "PUT" } },
  ])("is no preflight without $name: OPTIONS is answered as ever", async ({ headers }) => {
    await using server = await startEcho({}, { cors });
    const response = await fetch(`${server.url}/api/v1/notes/7`, { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("allow")).toBe("GET, PUT");
    expect(response.headers.get("access-control-allow-methods")).toBeNull();
  });

  test("is no preflight with another verb: GET is answered as ever", async () => {
    await using server = await startEcho({}, { cors });
    const response = await fetch(`${server.url}/api/v1/notes/7`, {
      headers: { origin: "https://app.example", "access-control-request-method": "PUT" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-methods")).toBeNull();
  });
});

describe("an answer", () => {
  test.for(targets)("to an allowed origin may be read: %s", async (target) => {
    await using server = await startEcho({}, { cors });
    const response = await fetch(`${server.url}${target}`, {
      headers: { origin: "http://localhost:3000" },
    });
    expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    expect(response.headers.get("vary")).toBe("Origin");
    const exposed = response.headers
      .get("access-control-expose-headers")
      ?.toLowerCase()
      .split(", ");
    expect(exposed).toEqual(
      expect.arrayContaining([
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "x-request-id",
      ]),
    );
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test.for(strangers)("to another origin may not: %j", async (origin) => {
    await using server = await startEcho({}, { cors });
    const response = await fetch(`${server.url}/api/v1/notes/7`, { headers: { origin } });
    expect(response.status).toBe(200);
    for (const name of Object.values(allowHeaders)) expect(response.headers.get(name)).toBeNull();
    expect(response.headers.get("vary")).toBe("Origin");
  });

  test("without an origin varies by it, too", async () => {
    await using server = await startEcho({}, { cors });
    const { headers } = await fetch(`${server.url}/api/v1/notes/7`);
    expect(headers.get("vary")).toBe("Origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("if every origin is allowed", () => {
  test.for(["https://anywhere.example", "null"])("%s is answered with *", async (origin) => {
    await using server = await startEcho({}, { cors: { ...cors, origins: ["*"] } });
    for (const response of [
      await preflight(`${server.url}/api/v1/notes/7`, origin),
      await fetch(`${server.url}/api/v1/notes/7`, { headers: { origin } }),
    ]) {
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test("a request without an origin is answered as ever", async () => {
    await using server = await startEcho({}, { cors: { ...cors, origins: ["*"] } });
    const { headers } = await fetch(`${server.url}/api/v1/notes/7`);
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

test("W20: if no origin is allowed, none is", async () => {
  await using server = await startEcho();
  const response = await preflight(`${server.url}/api/v1/notes/7`, "https://app.example");
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
});
