import type { Directory } from "../store/directory.ts";

/** The names of those who changed something, by their ids, as far as they are service accounts. */
export async function editorNames(
  directory: Pick<Directory, "serviceAccount">,
  ids: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const accounts = await Promise.all([...ids].map((id) => directory.serviceAccount(id)));
  return new Map(accounts.flatMap((account) => (account ? [[account.id, account.name]] : [])));
}
