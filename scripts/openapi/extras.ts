import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { UserService as GiraffeUserService } from "../../gen/giraffe/v1/user_service_pb.ts";
import { ManagementService } from "../../gen/zitadel/management_pb.ts";
import { UserService } from "../../gen/zitadel/user/v2/user_service_pb.ts";
import { maxIfMatchLength } from "../../src/rpc/extras/if-match.ts";
import { maxMaskLength } from "../../src/rpc/extras/update-mask.ts";
import { giraffeAnswers, managementAnswers, userAnswers } from "../../src/rpc/repeats/answers.ts";
import { maxHeaderLength } from "../../src/rpc/repeats/idempotency-key.ts";

/** Methods that change one person, as `package/Service/localName`. */
const changing = new Set([
  ...Object.keys(managementAnswers).map((name) => `${ManagementService.typeName}/${name}`),
  ...Object.keys(userAnswers).map((name) => `${UserService.typeName}/${name}`),
  ...Object.keys(giraffeAnswers).map((name) => `${GiraffeUserService.typeName}/${name}`),
]);

/** They read one person. */
const reading = new Set([
  ...["getUserByID", "getUserByLoginNameGlobal", "getHumanProfile", "getHumanEmail"].map(
    (name) => `${ManagementService.typeName}/${name}`,
  ),
  `${ManagementService.typeName}/getHumanPhone`,
  `${UserService.typeName}/getUserByID`,
]);

const batch = `${GiraffeUserService.typeName}/updateProfiles`;
const masked = `${ManagementService.typeName}/updateHumanProfile`;
const removing = new Set([
  `${ManagementService.typeName}/removeUser`,
  `${UserService.typeName}/deleteUser`,
  `${GiraffeUserService.typeName}/eraseUser`,
]);

const listing = new Set([
  `${ManagementService.typeName}/listUsers`,
  `${UserService.typeName}/listUsers`,
]);

const flag = { type: "boolean", default: false };

/** Headers of requests, by their name in `components.parameters`. */
export const extraParameters: Readonly<Record<string, JsonObject>> = {
  ifMatch: {
    name: "if-match",
    in: "header",
    description:
      'The versions that the user may have, such as `"3"`, as an `etag` told them; `*` for any. With another version nothing is changed.',
    schema: { type: "string", minLength: 1, maxLength: maxIfMatchLength },
  },
  idempotencyKey: {
    name: "idempotency-key",
    in: "header",
    description:
      "Makes the call safe to repeat for 24 hours: a repeat with the same key gets the answer of the first call. A UUID, for example.",
    schema: { type: "string", minLength: 1, maxLength: maxHeaderLength },
  },
  updateMask: {
    name: "x-giraffe-update-mask",
    in: "header",
    description: "Only these fields are changed, such as `nick_name,gender`; `*` for all.",
    schema: { type: "string", minLength: 1, maxLength: maxMaskLength },
  },
  validateOnly: {
    name: "x-giraffe-validate-only",
    in: "header",
    description: "Everything is checked, and nothing is stored.",
    schema: flag,
  },
  allowUnchanged: {
    name: "x-giraffe-allow-unchanged",
    in: "header",
    description: "It is no error if nothing changes.",
    schema: flag,
  },
  ignoreAccents: {
    name: "x-giraffe-ignore-accents",
    in: "header",
    description: "Queries of texts that ignore case ignore accents, too: `muller` finds Müller.",
    schema: flag,
  },
  prefer: {
    name: "prefer",
    in: "header",
    description:
      "With `handling=strict`, fields that the message does not have are refused. Otherwise they are ignored.",
    schema: { type: "string", maxLength: 200 },
  },
};

const text = { type: "string" };
const isTrue = { type: "string", enum: ["true"] };

/** Headers of answers, by their name there and in `components.headers`. */
export const extraHeaders: Readonly<Record<string, JsonObject>> = {
  etag: {
    description: "The version of the user, in quotes. Send it back as `if-match`.",
    schema: text,
  },
  "idempotent-replayed": {
    description: "The call with this `idempotency-key` was done before. This is its answer.",
    schema: isTrue,
  },
  "preference-applied": {
    description: "The request was read strictly, as `prefer` asked for.",
    schema: { type: "string", enum: ["handling=strict"] },
  },
  "x-giraffe-changed": {
    description: "Whether anything has changed, if `x-giraffe-allow-unchanged` was sent.",
    schema: { type: "string", enum: ["true", "false"] },
  },
  "x-giraffe-validated": {
    description: "Nothing was stored, as `x-giraffe-validate-only` asked for.",
    schema: isTrue,
  },
};

/** The names of the headers that a method takes, and of those that its answers may have. */
export type Extras = {
  readonly parameters: readonly string[];
  readonly headers: readonly string[];
};

/**
 * The headers of a method on REST.
 *
 * @param on.httpMethod In upper case. An answer to PUT has no `etag` (RFC 9110 section 9.3.4).
 * @param on.hasBody Whether it reads a body.
 */
export function extrasOf(
  method: DescMethod,
  { httpMethod, hasBody }: { readonly httpMethod: string; readonly hasBody: boolean },
): Extras {
  const name = `${method.parent.typeName}/${method.localName}`;
  const isChanging = changing.has(name);
  const mayRepeat = isChanging || name === batch;
  const isOfOne = (isChanging && !removing.has(name)) || reading.has(name);
  return {
    parameters: [
      ...(isChanging ? ["ifMatch"] : []),
      ...(mayRepeat ? ["idempotencyKey"] : []),
      ...(name === masked ? ["updateMask"] : []),
      ...(mayRepeat ? ["validateOnly", "allowUnchanged"] : []),
      ...(listing.has(name) ? ["ignoreAccents"] : []),
      ...(hasBody ? ["prefer"] : []),
    ],
    headers: [
      ...(isOfOne && httpMethod !== "PUT" ? ["etag"] : []),
      ...(mayRepeat ? ["idempotent-replayed"] : []),
      ...(hasBody ? ["preference-applied"] : []),
      ...(mayRepeat ? ["x-giraffe-changed", "x-giraffe-validated"] : []),
    ],
  };
}
