import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import type { Interceptor, MethodImplSpec, UnaryResponse } from "@connectrpc/connect";
import { type Call, CallResponse, contextFromCopy } from "./call-context.ts";

/** A unary method, ready to be called. */
export type UnaryMethod = {
  readonly descriptor: DescMethodUnary;
  /** The handler inside its interceptors. */
  readonly onion: (call: Call) => Promise<UnaryResponse>;
  /** Bytes of its request, as sent and after decompression. */
  readonly maxMessageBytes: number;
  /** A call may hold up the event loop for milliseconds, so calls take turns. */
  readonly isHeavy: boolean;
};

/** @param interceptors The first is the outermost. */
export function createUnaryMethod(
  spec: MethodImplSpec & { kind: "unary" },
  interceptors: readonly Interceptor[],
  costs: Pick<UnaryMethod, "maxMessageBytes" | "isHeavy">,
): UnaryMethod {
  type Next = ReturnType<Interceptor>;
  const handle = async (request: Call): Promise<UnaryResponse> => {
    const context = request === request.original ? request : contextFromCopy(request);
    const message = create(spec.method.output, await spec.impl(request.message, context));
    return new CallResponse(spec.method, message, context);
  };
  const onion = interceptors.reduceRight<Next>(
    (next, interceptor) => interceptor(next),
    // Interceptors are typed for streams, too; here every request is a `Call`.
    handle as unknown as Next,
  );
  return { descriptor: spec.method, onion: onion as UnaryMethod["onion"], ...costs };
}
