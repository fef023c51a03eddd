import type { DescMethod } from "@bufbuild/protobuf";

/** Each name is made once: a text that is looked up for every call should keep its hash. */
const names = new WeakMap<DescMethod, string>();

/** `package.Service/Method`, as logs, spans and lists of methods name it. */
export function methodName(method: DescMethod): string {
  let name = names.get(method);
  if (name === undefined) {
    name = `${method.parent.typeName}/${method.name}`;
    names.set(method, name);
  }
  return name;
}
