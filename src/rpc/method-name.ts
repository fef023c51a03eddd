import type { DescMethod } from "@bufbuild/protobuf";

/** `package.Service/Method`, as logs, spans and lists of methods name it. */
export function methodName({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}
