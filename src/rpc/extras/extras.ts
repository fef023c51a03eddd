import { type ContextValues, createContextKey, type Interceptor } from "@connectrpc/connect";
import { type Condition, conditionFrom } from "./if-match.ts";

/** What a call asks for beside its message, by headers that are named alike in every protocol. */
export type Extras = {
  /** From `if-match`. */
  readonly condition: Condition;
};

const noExtras: Extras = { condition: { kind: "none" } };

/** The extras of this call. */
export const extrasKey = createContextKey<Extras>(noExtras, { description: "extras" });

/** What the answer says of the one user that it is about; `undefined` if it is about none. */
const versionKey = createContextKey<number | undefined>(undefined, { description: "version" });

/** Let the answer carry the version of the user that it is about, as `etag`. */
export function noteVersion(values: ContextValues, version: number): void {
  values.set(versionKey, version);
}

/**
 * Read the extras of a call into the context values, and say in the headers of the answer what came of them.
 *
 * It stands inside the check of field rules: headers that cannot be read are refused after these.
 *
 * @param options.requiresIfMatch Whether every change of a user needs `if-match`.
 * @throws ServiceError `ifMatchInvalid`.
 */
export function createExtras(options: { readonly requiresIfMatch: boolean }): Interceptor {
  const otherwise: Condition = { kind: options.requiresIfMatch ? "required" : "none" };
  return (next) => async (request) => {
    const { header, contextValues: values } = request;
    values.set(extrasKey, { condition: conditionFrom(header.get("if-match"), otherwise) });
    const response = await next(request);
    const version = values.get(versionKey);
    if (version !== undefined && mayCarryTag(request)) response.header.set("etag", `"${version}"`);
    return response;
  };
}

/**
 * RFC 9110 section 9.3.4: a tag in the answer to PUT would say that what was sent is what GET shows now.
 * There, the next tag is `details.sequence` in quotes.
 */
function mayCarryTag({ requestMethod }: { readonly requestMethod: string }): boolean {
  return requestMethod !== "PUT";
}
