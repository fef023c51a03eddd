import { Buffer } from "node:buffer";
import {
  create,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { Code, type ConnectError } from "@connectrpc/connect";
import { type Answer, headersToNode, type RequestHead } from "../../http/exchange.ts";
import { refusal } from "../../refusal.ts";
import type { UnaryMethod } from "../../unary-method.ts";
import { type JsonCodec, textFromUtf8 } from "../codec.ts";
import { answerCompression, requestCompression } from "../compression.ts";
import { timeoutFrom } from "../grpc.ts";
import { keep } from "../keep.ts";
import { type Dialog, withErrorMetadata } from "../protocol.ts";
import { prefersStrict, strictApplied } from "../strict/prefer.ts";
import { type RestBinding, restRoutesFromMethod } from "./http-rule.ts";
import { firstJsonValue } from "./json-value.ts";
import { bindQuery, createFieldBinder, type FieldBinder } from "./query.ts";
import { createRestRouter } from "./router.ts";

/** What a REST path leads to. */
export type RestFinding =
  | {
      readonly kind: "found";
      readonly method: UnaryMethod;
      readonly dialog: Dialog;
      /** Sets the fields that the path names, also if the body has set them. */
      readonly bind: (message: Message) => void;
    }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "not-found" };

/** The methods that have a REST path. */
export type Rest = { find(head: RequestHead): RestFinding };

type Route = {
  readonly method: UnaryMethod;
  readonly binding: RestBinding;
  /** By field path, as the router names the variables. */
  readonly binders: ReadonlyMap<string, FieldBinder>;
};

type RestOptions = {
  /** The HTTP status of an error. */
  readonly statusOf: (error: ConnectError) => number;
  readonly json: JsonCodec;
};

/**
 * JSON over plain HTTP, as `google.api.http` in the methods' descriptors says.
 *
 * Follows gRPC-Gateway as ZITADEL configures it: the body is read as JSON whatever the content type, only its
 * first value is read, and it is ignored if the rule has no body. Answers leave out fields with default
 * values.
 *
 * @param options.prefixes By the full name of a service, what stands before its paths, such as `/management/v1`.
 * @throws Error if a rule or a prefix is invalid, if there is a prefix of a service without methods, or if
 *   two rules match the same requests.
 */
export function createRest(
  methods: readonly UnaryMethod[],
  options: RestOptions & { readonly prefixes: Readonly<Record<string, string>> },
): Rest {
  const { prefixes } = options;
  assertServed(Object.keys(prefixes), methods);
  const routes = methods.flatMap((method) =>
    restRoutesFromMethod(method.descriptor).map((route) => ({
      ...route,
      prefix: prefixes[method.descriptor.parent.typeName] ?? "",
      value: {
        method,
        binding: route.value,
        binders: new Map(
          route.value.inPath.map((path) => [
            path,
            createFieldBinder(method.descriptor.input, path),
          ]),
        ),
      },
    })),
  );
  const router = createRestRouter<Route>(routes);
  const bodyOf = keep((error) => bytesOf(statusFromError(options.json, error)));

  return {
    find(head) {
      const found = router.match(head.method === "HEAD" ? "GET" : head.method, head.path);
      if (found.kind !== "found") return found;
      const { method, binders } = found.value;
      const bind = (message: Message) => {
        for (const [fieldPath, text] of found.variables) binders.get(fieldPath)?.(message, text);
      };
      return {
        kind: "found",
        method,
        bind,
        dialog: openRest(head, found.value, options, bodyOf),
      };
    },
  };
}

function assertServed(services: readonly string[], methods: readonly UnaryMethod[]): void {
  const served = new Set(methods.map(({ descriptor }) => descriptor.parent.typeName));
  const odd = services.find((service) => !served.has(service));
  if (odd !== undefined) throw new Error(`there is a REST prefix for ${odd}, which is not served`);
}

function openRest(
  { headers, query }: RequestHead,
  { method: { maxMessageBytes }, binding }: Route,
  { statusOf, json }: RestOptions,
  bodyOf: (error: ConnectError) => Buffer,
): Dialog {
  const { method, body: bodyRule, responseBody, notInQuery } = binding;
  const isStrict = bodyRule !== undefined && prefersStrict(headers.prefer);
  const answerWith = (status: number, body: Buffer, set: Answer["headers"] | undefined) => {
    const compression = answerCompression(body, headers["accept-encoding"] as string | undefined);
    return {
      status,
      headers: {
        "content-type": "application/json",
        ...(compression && { "content-encoding": compression.name }),
        ...(isStrict && strictApplied),
        ...set,
      },
      body: compression ? compression.compress(body) : body,
    } satisfies Answer;
  };

  return {
    maxBodyBytes: maxMessageBytes,
    timeoutMs: () => timeoutFrom(headers["grpc-timeout"]),
    reader() {
      const compression = requestCompression(headers["content-encoding"], "accept-encoding");
      return (body) => {
        const bytes = compression ? compression.decompress(body, maxMessageBytes) : body;
        const message = messageFromBody(
          isStrict ? json.strict : json,
          method.input,
          bodyRule,
          bytes,
        );
        if (bodyRule !== "*") {
          bindQuery(reflect(method.input, message), query, { exclude: notInQuery });
        }
        return message;
      };
    },
    answer(message, { header }) {
      const value = json.valueOf(method.output, message) as JsonObject;
      const bytes = bytesOf(responseBody ? value[responseBody.jsonName] : value);
      return answerWith(200, bytes, header && headersToNode(header));
    },
    refuse(error, { header }) {
      const set = header === undefined ? headersOf(error) : errorHeaders(header, error);
      return answerWith(statusOf(error), bodyOf(error), set);
    },
  };
}

function messageFromBody(
  json: Pick<JsonCodec, "parse">,
  input: DescMessage,
  rule: "*" | DescField | undefined,
  bytes: Uint8Array,
): Message {
  if (rule === undefined) return create(input);
  const text = textFromUtf8(bytes);
  if (rule !== "*") {
    return json.parse(input, `{${JSON.stringify(rule.jsonName)}:${firstJson(text)}}`);
  }
  try {
    // Nearly every body is one value and nothing else, and looking for its end takes time.
    return json.parse(input, text);
  } catch (error) {
    const first = firstJson(text);
    if (first === text) throw error;
    return json.parse(input, first);
  }
}

/** @throws ConnectError invalid_argument if the text does not begin with a value, or if that does not end. */
function firstJson(text: string): string {
  try {
    return firstJsonValue(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw refusal("messageMalformed", reason, error);
  }
}

function bytesOf(value: JsonValue | undefined): Buffer {
  return Buffer.from(JSON.stringify(value ?? null));
}

function errorHeaders(header: Headers | undefined, error: ConnectError): Answer["headers"] {
  const merged = withErrorMetadata(header, error);
  // RFC 9110 section 15.5.2 wants a challenge; RFC 6750 section 3 names this one.
  if (error.code === Code.Unauthenticated) merged.set("www-authenticate", "Bearer");
  return headersToNode(merged);
}

const headersOf = keep((error) => errorHeaders(undefined, error));

/** An error as the JSON of `google.rpc.Status`. Like every answer, it leaves out empty fields. */
function statusFromError(
  codec: JsonCodec,
  { code, rawMessage, details }: ConnectError,
): JsonObject {
  const entries = details.flatMap((detail) => {
    if (!("desc" in detail)) return [];
    const json = codec.valueOf(detail.desc, create(detail.desc, detail.value));
    const type = `type.googleapis.com/${detail.desc.typeName}`;
    // A well-known type whose JSON is not an object goes into the field "value".
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return [{ "@type": type, ...(isObject ? json : { value: json }) }];
  });
  return {
    code,
    ...(rawMessage !== "" && { message: rawMessage }),
    ...(entries.length > 0 && { details: entries }),
  };
}
