import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BulkError } from "../bulk-error.ts";

/** As many as ZITADEL's documents advise for one call. */
const maxPeople = 2_000;

/** A message of gRPC has 4 MiB at most; there is room for what is around the people. In bytes. */
const maxBytes = 3_800_000;

/** Chunks that are not full are held, one for each organization, up to so many bytes in all. */
const maxHeldBytes = 67_108_864;

/** An organization, as ZITADEL is told of it. */
export type ChunkOrganization = { readonly id: string; readonly name: string };

/** Writes requests of ImportData into files of a folder. */
export type ImportChunks = {
  /** @param metadata Comes behind the person, maybe in later files. */
  add(organization: ChunkOrganization, person: object, metadata: readonly object[]): Promise<void>;
  /** Write what is held, and the organizations that had nobody. */
  end(organizations: readonly ChunkOrganization[]): Promise<void>;
  files(): number;
};

type Chunk = {
  readonly organization: ChunkOrganization;
  people: string[];
  metadata: string[];
  bytes: number;
};

/**
 * The files are numbered in the order in which ZITADEL must read them. Their owner alone can read them.
 *
 * @throws BulkError if the folder has something in it, or cannot be written.
 */
export async function createImportChunks(folder: string): Promise<ImportChunks> {
  await orExplain(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if ((await readdir(folder)).length > 0) throw new Error("there is something in it");
  });
  const chunks = new Map<string, Chunk>();
  const written = new Set<string>();
  let held = 0;
  let files = 0;

  async function flush(chunk: Chunk): Promise<void> {
    const { organization, people, metadata } = chunk;
    files += 1;
    const file = join(folder, `${String(files).padStart(6, "0")}.json`);
    const id = JSON.stringify(organization.id);
    const org = JSON.stringify({ name: organization.name });
    const text = `{"timeout":"10m","dataOrgs":{"orgs":[{"orgId":${id},"org":${org},"humanUsers":[
${people.join(",\n")}],"userMetadata":[
${metadata.join(",\n")}]}]}}\n`;
    await orExplain(file, () => writeFile(file, text, { mode: 0o600, flag: "wx" }));
    held -= chunk.bytes;
    written.add(organization.id);
    Object.assign(chunk, { people: [], metadata: [], bytes: 0 });
  }

  async function roomFor(organization: ChunkOrganization, bytes: number): Promise<Chunk> {
    const known = chunks.get(organization.id);
    const chunk = known ?? { organization, people: [], metadata: [], bytes: 0 };
    if (known === undefined) chunks.set(organization.id, chunk);
    const isFull = chunk.bytes + bytes > maxBytes || chunk.people.length >= maxPeople;
    if (isFull && chunk.bytes > 0) await flush(chunk);
    if (held + bytes > maxHeldBytes) await flush(largest());
    chunk.bytes += bytes;
    held += bytes;
    return chunk;
  }

  function largest(): Chunk {
    return [...chunks.values()].reduce((a, b) => (a.bytes >= b.bytes ? a : b));
  }

  return {
    async add(organization, person, metadata) {
      const text = JSON.stringify(person);
      const size = Buffer.byteLength(text) + 2;
      (await roomFor(organization, size)).people.push(text);
      for (const each of metadata) {
        const entry = JSON.stringify(each);
        (await roomFor(organization, Buffer.byteLength(entry) + 2)).metadata.push(entry);
      }
    },
    async end(organizations) {
      for (const chunk of chunks.values()) if (chunk.bytes > 0) await flush(chunk);
      for (const organization of organizations) {
        if (written.has(organization.id)) continue;
        await flush({ organization, people: [], metadata: [], bytes: 0 });
      }
    },
    files: () => files,
  };
}

async function orExplain<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BulkError(`cannot write ${path}: ${reason}`, { cause: error });
  }
}
