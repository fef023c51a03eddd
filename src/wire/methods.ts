import type { MethodImplSpec } from "@connectrpc/connect";
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
} from "@connectrpc/connect";

/**
 * Every method that a Connect route function registers.
 *
 * @throws Error if a method is registered twice.
 */
export function collectMethods(routes: (router: ConnectRouter) => void): MethodImplSpec[] {
  const specs = new Map<string, MethodImplSpec>();
  const add = (spec: MethodImplSpec) => {
    const path = pathOf(spec.method);
    if (specs.has(path)) throw new Error(`${path} is registered twice`);
    specs.set(path, spec);
  };
  const router: ConnectRouter = {
    handlers: [],
    service(descriptor, implementation) {
      for (const spec of Object.values(createServiceImplSpec(descriptor, implementation).methods)) {
        add(spec);
      }
      return router;
    },
    rpc(method, implementation) {
      add(createMethodImplSpec(method, implementation));
      return router;
    },
  };
  routes(router);
  return [...specs.values()];
}

/** `/package.Service/Method`. */
export function pathOf(method: MethodImplSpec["method"]): string {
  return `/${method.parent.typeName}/${method.name}`;
}
