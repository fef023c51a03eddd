import {
  type ContextValues,
  createContextKey,
  type Interceptor,
  type UnaryRequest,
} from "@connectrpc/connect";
import { ManagementService } from "../../../gen/zitadel/management_pb.ts";
import { refuseFields } from "../refuse-fields.ts";
import { flagFrom } from "./header-flag.ts";
import { type Condition, conditionFrom } from "./if-match.ts";
import { maskFrom, type UpdateMask, unnamedFields } from "./update-mask.ts";

/** What a call asks for beside its message, by headers that are named alike in every protocol. */
export type Extras = {
  /** From `if-match`. */
  readonly condition: Condition;
  /** From `x-giraffe-validate-only`: everything is checked, and nothing is stored. */
  readonly isDryRun: boolean;
  /** From `x-giraffe-allow-unchanged`: it is no error if nothing changes. */
  readonly allowsUnchanged: boolean;
  /** From `x-giraffe-ignore-accents`: queries of users that ignore case ignore accents, too. */
  readonly ignoresAccents: boolean;
  /** From `x-giraffe-update-mask`; `undefined` if all fields count. */
  readonly mask: UpdateMask | undefined;
};

const noExtras: Extras = {
  condition: { kind: "none" },
  isDryRun: false,
  allowsUnchanged: false,
  ignoresAccents: false,
  mask: undefined,
};

const maskHeader = "x-giraffe-update-mask";

/** The extras of this call. */
export const extrasKey = createContextKey<Extras>(noExtras, { description: "extras" });

/** What the answer says of the one user that it is about; `undefined` if it is about none. */
const versionKey = createContextKey<number | undefined>(undefined, { description: "version" });

/** Let the answer carry the version of the user that it is about, as `etag`. */
export function noteVersion(values: ContextValues, version: number): void {
  values.set(versionKey, version);
}

/** Whether the call has changed a user, or would have; `undefined` if it changes none. */
const changedKey = createContextKey<boolean | undefined>(undefined, { description: "changed" });

/** Let the answer say whether the call has changed a user, for those who ask. */
export function noteChange(values: ContextValues, isChanged: boolean): void {
  values.set(changedKey, isChanged);
}

/** What `noteChange` was told. */
export function isChangeNoted(values: ContextValues): boolean {
  return values.get(changedKey) === true;
}

/** The fields of a request whose rules do not count, because its mask does not name them. */
export function fieldsBesideMask({
  method,
  header,
}: UnaryRequest): ReadonlySet<string> | undefined {
  return hasMask(method) ? unnamedFields(header.get(maskHeader)) : undefined;
}

function hasMask(method: UnaryRequest["method"]): boolean {
  return method === ManagementService.method.updateHumanProfile;
}

/**
 * Read the extras of a call into the context values, and say in the headers of the answer what came of them.
 *
 * It stands inside the check of field rules: headers that cannot be read are refused after these.
 *
 * @param options.requiresIfMatch Whether every change of a user needs `if-match`.
 * @throws ServiceError `ifMatchInvalid`, `headerNotBoolean`; `fieldNotSupported` for a mask where there is none.
 * @throws FieldRulesError for a mask that names no field.
 */
export function createExtras(options: { readonly requiresIfMatch: boolean }): Interceptor {
  const otherwise: Condition = { kind: options.requiresIfMatch ? "required" : "none" };
  return (next) => (request) => {
    if (request.stream) return next(request);
    request.contextValues.set(extrasKey, extrasFrom(request, otherwise));
    return next(request).then((response) => withExtras(request, response));
  };
}

function withExtras<Response extends { readonly header: Headers }>(
  request: UnaryRequest,
  response: Response,
): Response {
  const { contextValues: values } = request;
  const version = values.get(versionKey);
  if (version !== undefined && mayCarryTag(request)) response.header.set("etag", `"${version}"`);
  const isChanged = values.get(changedKey);
  if (isChanged === undefined) return response;
  const { isDryRun, allowsUnchanged } = values.get(extrasKey);
  if (isDryRun) response.header.set("x-giraffe-validated", "true");
  if (allowsUnchanged) response.header.set("x-giraffe-changed", String(isChanged));
  return response;
}

function extrasFrom({ header, method }: UnaryRequest, otherwise: Condition): Extras {
  const mask = header.get(maskHeader);
  if (!hasMask(method)) refuseFields({ [maskHeader]: mask !== null });
  return {
    condition: conditionFrom(header.get("if-match"), otherwise),
    mask: maskFrom(mask),
    isDryRun: flagFrom(header, "x-giraffe-validate-only"),
    allowsUnchanged: flagFrom(header, "x-giraffe-allow-unchanged"),
    ignoresAccents: flagFrom(header, "x-giraffe-ignore-accents"),
  };
}

/**
 * RFC 9110 section 9.3.4: a tag in the answer to PUT would say that what was sent is what GET shows now.
 * There, the next tag is `details.sequence` in quotes.
 */
function mayCarryTag({ requestMethod }: { readonly requestMethod: string }): boolean {
  return requestMethod !== "PUT";
}
