import { readFileSync, statSync } from "node:fs";
import { organizationId } from "./bootstrap.ts";
import type { Seed } from "./seed.ts";

/** A seed is held in memory as a whole. More users belong into a database, by `giraffe import`. */
export const maxSeedBytes = 16_777_216;

/**
 * Read users, one to a line, as `export` writes them. Empty lines are left out.
 *
 * @throws Error that names the file, and the line if one is wrong.
 */
export function usersFromFile(file: string): object[] {
  const { size } = statSync(file);
  if (size > maxSeedBytes) {
    throw new Error(`the seed ${file} has ${size} bytes, and at most ${maxSeedBytes} are read`);
  }
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line, index) => {
      if (line.trim() === "") return [];
      const user = objectFrom(line);
      if (user !== undefined) return [user];
      throw new Error(`the seed ${file}, line ${index + 1}: it is not a JSON object`);
    });
}

/** With the organizations that users name, in the order in which they are first named. */
export function withOrganizations({ organizations, users }: Seed): Seed {
  const named = users.flatMap((user) => {
    const { organization } = user as { readonly organization?: unknown };
    return typeof organization === "string" && organization !== "" ? [organization] : [];
  });
  const known = [organizationId, ...organizations];
  const more = [...new Set(named)].filter((id) => !known.includes(id));
  return { organizations: [...organizations, ...more], users };
}

function objectFrom(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value : undefined;
  } catch {
    return undefined;
  }
}
