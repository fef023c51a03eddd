import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { codeFromString } from "@connectrpc/connect/protocol-connect";
import { describe, expect, test } from "vitest";
import { runProgram } from "../support/child.ts";
import { startServer } from "../support/server.ts";
import { type Access, type Client, describeClient, type Reply } from "./client.contract.ts";
import { methods, pathOf, refusalFrom } from "./proto.ts";

const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));

/** Far from our protos, so that all that buf knows is what the server tells it. */
const cwd = tmpdir();

const ways = {
  "gRPC, reflection v1": ["--protocol", "grpc", "--reflect-protocol", "grpc-v1"],
  "gRPC, reflection v1alpha": ["--protocol", "grpc", "--reflect-protocol", "grpc-v1alpha"],
  "gRPC-Web": ["--protocol", "grpcweb"],
  Connect: ["--protocol", "connect"],
};

for (const [name, flags] of Object.entries(ways)) {
  describeClient(`buf curl, ${name}`, (access) => createBufClient(access, flags));
}

describe("buf curl", () => {
  test("lists services and methods by reflection, without a token", async () => {
    const { url, close } = await startServer([]);
    const list = (flag: string) => runProgram(buf, ["curl", flag, url], { cwd });
    expect((await list("--list-services")).stdout.split("\n")).toEqual(
      expect.arrayContaining([
        "giraffe.v1.UserService",
        "grpc.health.v1.Health",
        "zitadel.management.v1.ManagementService",
        "zitadel.user.v2.UserService",
      ]),
    );
    expect((await list("--list-methods")).stdout.split("\n")).toContain(
      "zitadel.management.v1.ManagementService/UpdateHumanProfile",
    );
    await close();
  });

  test("calls v2 and asks for its health, by what reflection tells it", async () => {
    const { url, adminToken, close } = await startServer();
    const call = async (path: string, request: object) => {
      const token = `authorization: Bearer ${adminToken}`;
      const data = JSON.stringify(request);
      const argv = ["curl", "--reflect", "--protocol", "grpc", "--header", token];
      argv.push("--http2-prior-knowledge", "--data", data, `${url}/${path}`);
      const { code, stdout, stderr } = await runProgram(buf, argv, { cwd });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return JSON.parse(stdout);
    };
    const service = "zitadel.user.v2.UserService";
    const userId = "163840776835432705";
    const human = { profile: { nickName: "Gi by buf" } };
    expect(await call(`${service}/UpdateUser`, { userId, human })).toHaveProperty("changeDate");
    expect(await call(`${service}/GetUserByID`, { userId })).toMatchObject({ user: { human } });
    expect(await call("grpc.health.v1.Health/Check", { service })).toEqual({ status: "SERVING" });
    await close();
  });
});

function createBufClient({ url, token }: Access, flags: readonly string[]): Client {
  return {
    async call(name, request, headers = {}) {
      const { code, stdout, stderr } = await runProgram(
        buf,
        [
          ...["curl", "--reflect", ...flags, "--data", JSON.stringify(request)],
          ...Object.entries({ authorization: `Bearer ${token}`, ...headers }).flatMap(
            ([header, value]) => ["--header", `${header}: ${value}`],
          ),
          url + pathOf(methods[name]),
        ],
        { cwd },
      );
      if (code === 0) return { kind: "answered", body: JSON.parse(stdout) };
      return refusalFromError(code, stderr);
    },
  };
}

/** @param exitCode The number of the gRPC code, shifted three bits to the left. */
function refusalFromError(exitCode: number | null, stderr: string): Reply {
  const error: BufError = JSON.parse(stderr);
  const code = codeFromString(error.code);
  if (code === undefined || code << 3 !== exitCode) throw new Error(`${exitCode}: ${stderr}`);
  const details = error.details.map(({ type, value }) => ({
    typeUrl: `type.googleapis.com/${type}`,
    value: Buffer.from(value, "base64"),
  }));
  return refusalFrom({ code, message: error.message, details });
}

type BufError = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
};
