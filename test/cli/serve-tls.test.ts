import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { credentials, Client as GrpcClient, Metadata } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { runProgram } from "../support/child.ts";
import { createPlace, type Place, profileUrl, type Serving } from "./serving.ts";

const testFile = (name: string) =>
  fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url));
const certificate = testFile("cert.pem");

/** A server with copies of the test certificate, which a test may replace. */
async function serveTls(place: Place) {
  const files = { cert: join(place.folder, "cert.pem"), key: join(place.folder, "key.pem") };
  copyFileSync(certificate, files.cert);
  copyFileSync(testFile("key.pem"), files.key);
  const server = await place.serve("--demo", "--tls-cert", files.cert, "--tls-key", files.key);
  return { server, files };
}

const curl = (place: Place, server: Serving, ...flags: string[]) =>
  runProgram("curl", [
    ...["--silent", "--show-error", "--write-out", "\n%{http_version} %{http_code}"],
    ...["--header", `Authorization: Bearer ${place.token()}`],
    ...["--cacert", certificate, ...flags, profileUrl(server)],
  ]);

describe("serve with TLS", () => {
  test("says https", async () => {
    const { server } = await serveTls(createPlace());
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  test.for([
    { name: "HTTP/2", flag: "--http2", version: "2" },
    { name: "HTTP/1.1", flag: "--http1.1", version: "1.1" },
  ])("speaks $name with clients that ask for it", async ({ flag, version }) => {
    const place = createPlace();
    const { server } = await serveTls(place);
    const { stdout } = await curl(place, server, flag);
    const [body = "", outcome] = stdout.split("\n");
    expect(outcome).toBe(`${version} 200`);
    expect(JSON.parse(body)).toMatchObject({ profile: { firstName: "Gigi" } });
  });

  test.for([
    { name: "h2 for a client that offers both", offer: ["h2", "http/1.1"], chosen: "h2" },
    { name: "h2 whatever the order", offer: ["http/1.1", "h2"], chosen: "h2" },
    { name: "http/1.1 for a client that offers that", offer: ["http/1.1"], chosen: "http/1.1" },
    { name: "nothing for a client that offers nothing", offer: [], chosen: false },
  ])("chooses $name", async ({ offer, chosen }) => {
    const { server } = await serveTls(createPlace());
    expect(await handshake(server, offer)).toMatchObject({ chosen });
  });

  test("says to a client that speaks plain HTTP/1.1 what to do", async () => {
    const { server } = await serveTls(createPlace());
    const plain = server.url.replace("https:", "http:");
    const body = "x".repeat(100_000);
    for (const init of [{}, { method: "POST", body }]) {
      const answer = await fetch(plain, init);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toBe(
        "This port speaks TLS only. Use https:// instead of http://.\n",
      );
    }
  });

  test("speaks gRPC", async () => {
    const place = createPlace();
    const { server } = await serveTls(place);
    const client = new GrpcClient(
      `localhost:${new URL(server.url).port}`,
      credentials.createSsl(readFileSync(certificate)),
    );
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${place.token()}`);
    const status = await new Promise((resolve) => {
      client.makeUnaryRequest(
        "/zitadel.management.v1.ManagementService/UpdateHumanProfile",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.alloc(0),
        metadata,
        (error) => resolve(error?.details),
      );
    });
    client.close();
    expect(status).toContain("invalid UpdateHumanProfileRequest.UserId");
  });

  test("says to a client that speaks HTTP/2 without TLS that this is not secure enough", async () => {
    const { server } = await serveTls(createPlace());
    const client = new GrpcClient(new URL(server.url).host, credentials.createInsecure());
    const status = await new Promise((resolve) => {
      client.makeUnaryRequest(
        "/zitadel.management.v1.ManagementService/Healthz",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.alloc(0),
        (error) => resolve(error?.details),
      );
    });
    client.close();
    expect(status).toBe("Protocol not secure enough");
  });

  test("reads its files again on SIGHUP, and keeps the old ones if the new are wrong", async () => {
    const { server, files } = await serveTls(createPlace());
    const before = { chosen: "h2", fingerprint: fingerprintOf("cert.pem") };
    expect(await handshake(server)).toEqual(before);

    copyFileSync(testFile("renewed-cert.pem"), files.cert);
    copyFileSync(testFile("renewed-key.pem"), files.key);
    expect(await handshake(server)).toEqual(before);
    server.kill("SIGHUP");
    await server.until("stderr", /"msg":"read the TLS files again"/);
    const after = { chosen: "h2", fingerprint: fingerprintOf("renewed-cert.pem") };
    expect(await handshake(server)).toEqual(after);

    writeFileSync(files.cert, "not a certificate\n");
    server.kill("SIGHUP");
    await server.until("stderr", /"msg":"the TLS files cannot be used; the old ones stay"/);
    expect(await handshake(server)).toEqual(after);

    // The key is no longer that of this certificate.
    copyFileSync(certificate, files.cert);
    server.kill("SIGHUP");
    await server.until("stderr", /(?:the old ones stay.*){2}/s);
    expect(await handshake(server)).toEqual(after);
  });
});

function fingerprintOf(name: string): string {
  return new X509Certificate(readFileSync(testFile(name))).fingerprint256;
}

/** The protocol that a handshake has chosen, and the certificate that the server has shown. */
function handshake(
  server: Serving,
  offer: string[] = ["h2"],
): Promise<{ readonly chosen: string | false | null; readonly fingerprint: string }> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(
      {
        host: hostname,
        port: Number(port),
        // The test compares the certificates itself.
        rejectUnauthorized: false,
        ALPNProtocols: offer,
      },
      () => {
        const { alpnProtocol: chosen } = socket;
        resolve({ chosen, fingerprint: socket.getPeerCertificate().fingerprint256 });
        socket.destroy();
      },
    );
    socket.once("error", reject);
  });
}
