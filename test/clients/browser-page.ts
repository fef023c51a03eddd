import type { JsonObject } from "@bufbuild/protobuf";
import { browserClients, browserUserClients } from "./browser-clients.ts";
import type { Access, Client, Headers, Reply } from "./client.contract.ts";
import type { AnyMethodName } from "./proto.ts";

/** One call from within the page. */
export type CallFromPage = {
  /** `v1` for one of `browserClients`, `v2` for one of `browserUserClients`. */
  readonly api: keyof typeof clients;
  readonly client: string;
  readonly access: Access;
  readonly method: AnyMethodName;
  readonly request: JsonObject;
  readonly headers: Headers;
};

const clients = { v1: browserClients, v2: browserUserClients };

/** The script of the page: how the test, which is outside, calls the clients, which are inside. */
Object.assign(globalThis, {
  async callFromPage(json: string): Promise<Reply> {
    const { api, client, access, method, request, headers }: CallFromPage = JSON.parse(json);
    const created: Client<never> | undefined = clients[api][client]?.(access);
    if (created === undefined) throw new Error(`no such client: ${client}`);
    return created.call(method as never, request, headers);
  },
});
