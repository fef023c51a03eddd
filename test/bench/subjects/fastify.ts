import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import fastify, { type FastifyInstance } from "fastify";
import {
  UpdateHumanProfileRequestSchema,
  UpdateHumanProfileResponseSchema,
} from "../../../gen/zitadel/management_pb.ts";
import { answerTo, type HttpVersion, restPrefix, rpcPath } from "../protocols.ts";

/** A JSON server as one writes it with fastify: two routes and one hook, the messages protobuf-es's. */
export async function listenFastify(version: HttpVersion): Promise<number> {
  const server = (version === "2" ? fastify({ http2: true }) : fastify()) as FastifyInstance;
  server.addHook("onRequest", (_request, _reply, done) => done());
  server.post(rpcPath, (request, reply) => reply.send(answerJson(request.body as JsonValue)));
  server.put<{ Params: { userId: string } }>(
    `${restPrefix}/users/:userId/profile`,
    (request, reply) => reply.send(answerJson(request.body as JsonValue, request.params.userId)),
  );
  return Number(new URL(await server.listen({ host: "127.0.0.1", port: 0 })).port);
}

function answerJson(body: JsonValue, userId?: string): JsonValue {
  const request = fromJson(UpdateHumanProfileRequestSchema, body, { ignoreUnknownFields: true });
  if (userId !== undefined) request.userId = userId;
  return toJson(UpdateHumanProfileResponseSchema, answerTo(request));
}
