import { list, object, text } from "../../support/api/json.ts";
import { methods as v1 } from "../../support/api/setting.ts";
import { type Call, unlessNotFound } from "./terraform-provider.ts";

/** What the provider does with `zitadel_user_metadata`, in the version of `terraform-provider.ts`: always by v1. Values are texts. */
export function createMetadataResource(call: Call) {
  const textOf = (value: unknown) => Buffer.from(text(value), "base64").toString();
  return {
    async set(id: string, key: string, value: string): Promise<void> {
      await call(v1.setUserMetadata, { id, key, value: Buffer.from(value).toString("base64") });
    },
    /** @returns `undefined` if there is no such entry. */
    async read(id: string, key: string): Promise<string | undefined> {
      const found = await unlessNotFound(call(v1.getUserMetadata, { id, key }));
      return found && textOf(object(found.metadata).value);
    },
    /** The entries with the key, or all of them. */
    async find(id: string, key?: string): Promise<Readonly<Record<string, string>>> {
      const queries = key === undefined ? {} : { queries: [{ keyQuery: { key } }] };
      const { result = [] } = await call(v1.listUserMetadata, { id, ...queries });
      const entries = list(result).map((each) => object(each));
      return Object.fromEntries(entries.map(({ key, value }) => [text(key), textOf(value)]));
    },
    async remove(id: string, key: string): Promise<void> {
      await call(v1.removeUserMetadata, { id, key });
    },
  };
}
