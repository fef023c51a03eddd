import type { Chain } from "./append-batch.ts";

/** A unique key that a stream wants. */
export type Claim = { readonly name: string; readonly stream: string };

/** In the order of their names: otherwise two nodes could wait for each other. */
export function claimsOf(chains: readonly Chain[]): Claim[] {
  return chains
    .flatMap(({ rows: [{ stream, uniqueKeys = [] }] }) =>
      [...new Set(uniqueKeys)].map((name) => ({ name, stream })),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
