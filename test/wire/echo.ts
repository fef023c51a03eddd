import { create, createFileRegistry, type Message, setExtension } from "@bufbuild/protobuf";
import type { GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { http } from "../../gen/google/api/annotations_pb.ts";
import { type HttpRule, HttpRuleSchema } from "../../gen/google/api/http_pb.ts";
import {
  createListener,
  type Listener,
  type ListenOptions,
  type Outcome,
  type WireOptions,
} from "../../src/wire/index.ts";

export type Note = Message<"echo.v1.Note"> & { id: string; text: string; rank: number };

const field = (name: string, number: number, type = FieldDescriptorProto_Type.STRING) => ({
  name,
  number,
  jsonName: name,
  type,
  label: FieldDescriptorProto_Label.OPTIONAL,
});
const options = (
  rule: Pick<HttpRule, "pattern" | "body">,
  idempotencyLevel = MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
) => {
  const made = create(MethodOptionsSchema, { idempotencyLevel });
  setExtension(made, http, create(HttpRuleSchema, rule));
  return made;
};
const types = { inputType: ".echo.v1.Note", outputType: ".echo.v1.Note" };

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "echo/v1/echo.proto",
    package: "echo.v1",
    syntax: "proto3",
    messageType: [
      {
        name: "Note",
        field: [
          field("id", 1),
          field("text", 2),
          field("rank", 3, FieldDescriptorProto_Type.INT32),
        ],
      },
    ],
    service: [
      {
        name: "EchoService",
        method: [
          {
            name: "Echo",
            ...types,
            options: options({ pattern: { case: "put", value: "/v1/notes/{id}" }, body: "*" }),
          },
          {
            name: "Look",
            ...types,
            options: options(
              { pattern: { case: "get", value: "/v1/notes/{id}" }, body: "" },
              MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
            ),
          },
          { name: "Spread", ...types, serverStreaming: true },
          { name: "Collect", ...types, clientStreaming: true },
          { name: "Talk", ...types, clientStreaming: true, serverStreaming: true },
        ],
      },
    ],
  }),
  () => undefined,
);

export const NoteSchema = registry.getMessage("echo.v1.Note") as GenMessage<Note>;

type EchoMethod<Kind> = {
  methodKind: Kind;
  input: typeof NoteSchema;
  output: typeof NoteSchema;
};

/** Every kind of method over one message. */
export const EchoService = registry.getService("echo.v1.EchoService") as unknown as GenService<{
  echo: EchoMethod<"unary">;
  look: EchoMethod<"unary">;
  spread: EchoMethod<"server_streaming">;
  collect: EchoMethod<"client_streaming">;
  talk: EchoMethod<"bidi_streaming">;
}>;

export type EchoHandlers = Partial<ServiceImpl<typeof EchoService>>;

/** A listener on a free port that serves `EchoService`. */
export interface EchoServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly listener: Listener;
  /** What was observed, in order. */
  readonly outcomes: readonly Outcome[];
}

const echo: EchoHandlers = {
  echo: (note) => note,
  look: (note) => note,
};

/** The wire's options for tests: small limits on time, none of the service's own headers. */
export function echoOptions(handlers: EchoHandlers = {}): WireOptions {
  return {
    routes: (router) => router.service(EchoService, { ...echo, ...handlers }),
    interceptors: [],
    restPrefixes: { [EchoService.typeName]: "/api" },
    limits: { maxMessageBytes: 65_536, defaultDeadlineMs: 10_000, maxDeadlineMs: 60_000 },
    cors: { origins: [], requestHeaders: [], answerHeaders: [] },
    headers: {},
    errorDomain: "echo.test",
    pages: new Map([["/page", () => ({ status: 200, headers: {}, body: Buffer.from("page") })]]),
    observe: () => {},
    // Tests share the event loop, and how late it is depends on the machine.
    maxLagMs: Number.POSITIVE_INFINITY,
  };
}

export async function startEcho(
  handlers: EchoHandlers = {},
  changes: Partial<WireOptions> = {},
  tls?: ListenOptions["tls"],
): Promise<EchoServer> {
  const outcomes: Outcome[] = [];
  const listener = createListener({
    ...echoOptions(handlers),
    observe: (outcome) => outcomes.push(outcome),
    ...changes,
  });
  const { port } = await listener.listen({ host: "127.0.0.1", port: 0, tls });
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    listener,
    outcomes,
    [Symbol.asyncDispose]: () => listener.close(0),
  };
}
