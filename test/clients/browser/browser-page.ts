import type { JsonObject } from "@bufbuild/protobuf";
import type { Access, Client, Headers, Reply } from "../client.contract.ts";
import { useExtras } from "../extras-by-connect.ts";
import type { AnyMethodName } from "../proto.ts";
import { browserClients, browserUserClients, webTransports } from "./browser-clients.ts";

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

/** A change of one user with every extra. */
export type ExtrasFromPage = {
  readonly transport: string;
  readonly access: Access;
  readonly api: "v1" | "v2";
  readonly userId: string;
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

  async extrasFromPage(json: string): Promise<string[]> {
    const { transport, access, api, userId }: ExtrasFromPage = JSON.parse(json);
    const create = webTransports[transport];
    if (create === undefined) throw new Error(`no such transport: ${transport}`);
    return useExtras(create(access), api, userId);
  },

  /** The same by `fetch` over REST, as far as its headers go. @returns Status and headers of each answer. */
  async restExtrasFromPage(url: string, token: string, headers: Record<string, string>[]) {
    const answers = [];
    for (const extras of headers) {
      const answer = await fetch(url, {
        method: "PUT",
        headers: { authorization: `Bearer ${token}`, ...extras },
        body: JSON.stringify({ displayName: "Gigi by fetch" }),
      });
      answers.push({ status: answer.status, ...Object.fromEntries(answer.headers) });
    }
    return answers;
  },
});
