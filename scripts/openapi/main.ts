// Writes the OpenAPI document of the services in proto/: `node scripts/openapi/main.ts FILE`.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { restPrefixes } from "../../src/rpc/routes.ts";
import { createDocument } from "./document.ts";
import { bounds, examples } from "./examples.ts";
import { extraHeaders, extraParameters, extrasOf } from "./extras.ts";
import { successorOf } from "./successors.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** With comments, which the generated code does not keep. */
const image = execFileSync(
  join(root, "node_modules", ".bin", "buf"),
  ["build", "proto", "--as-file-descriptor-set", "--output=-"],
  { cwd: root, maxBuffer: 64 * 1024 * 1024 },
);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));

/** In this order. */
const described = [
  "zitadel.management.v1.ManagementService",
  "zitadel.user.v2.UserService",
  "giraffe.v1.UserService",
];

const document = createDocument({
  services: described.flatMap((name) => registry.getService(name) ?? []),
  prefixes: restPrefixes,
  examples,
  bounds,
  successorOf,
  extras: { of: extrasOf, parameters: extraParameters, headers: extraHeaders },
  info: {
    title: "Giraffe",
    version,
    description: [
      "Stores people's profiles, as ZITADEL's Management API and user service v2 do: both on the same users.",
      "The same methods are served over gRPC, gRPC-Web and Connect.",
      "`Accept-Language` chooses the language of messages.",
    ].join(" "),
    contact: { name: "Whoever runs this server" },
    license: { name: license, identifier: license },
  },
});
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("which file?");
writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
