import type { JsonObject } from "@bufbuild/protobuf";
import { browserClients } from "./browser-clients.ts";
import type { Access, Headers, MethodName, Reply } from "./client.contract.ts";

/** One call from within the page. */
export type CallFromPage = {
  /** Of `browserClients`. */
  readonly client: string;
  readonly access: Access;
  readonly method: MethodName;
  readonly request: JsonObject;
  readonly headers: Headers;
};

/** The script of the page: how the test, which is outside, calls the clients, which are inside. */
Object.assign(globalThis, {
  async callFromPage(json: string): Promise<Reply> {
    const { client, access, method, request, headers }: CallFromPage = JSON.parse(json);
    const created = browserClients[client]?.(access);
    if (created === undefined) throw new Error(`no such client: ${client}`);
    return created.call(method, request, headers);
  },
});
