import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const buf = fileURLToPath(new URL("../../../../node_modules/.bin/buf", import.meta.url));
const modules = [
  { path: "test/wire/protocol/rest/proto" },
  {
    path: "node_modules/google-proto-files",
    includes: ["node_modules/google-proto-files/google/api"],
  },
];

/** library.proto, compiled now, so that no generated code has to be kept for it. */
const registry = createFileRegistry(
  fromBinary(
    FileDescriptorSetSchema,
    execFileSync(
      buf,
      [
        "build",
        "test/wire/protocol/rest/proto",
        `--config=${JSON.stringify({ version: "v2", modules })}`,
        "--as-file-descriptor-set",
        "--output=-",
      ],
      { cwd: root },
    ),
  ),
);

export function libraryMessage(name: string): DescMessage {
  const desc = registry.getMessage(`library.v1.${name}`);
  if (desc === undefined) throw new Error(`library.proto has no message ${name}`);
  return desc;
}

export function libraryMethod(service: string, name: string) {
  const method = registry
    .getService(`library.v1.${service}`)
    ?.methods.find((candidate) => candidate.name === name);
  if (method === undefined) throw new Error(`library.proto has no method ${service}.${name}`);
  return method;
}

export function libraryMethods(service: string) {
  return registry.getService(`library.v1.${service}`)?.methods ?? [];
}
