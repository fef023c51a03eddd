import { keyOfLines, openInputFile, type PreparedSource } from "../import/prepared-source.ts";
import { linesOf } from "../lines-of.ts";
import { createLosses } from "../losses.ts";
import { createMetadataSpool } from "../metadata-spool.ts";
import { createMeter } from "../meter.ts";
import { outlineExport, peopleOfExport } from "./read-export.ts";

/**
 * An answer of ZITADEL's ExportData, or what ImportData takes, as lines of an import. The file is read twice,
 * because metadata comes behind the people.
 *
 * @param now For organizations, whose dates an export does not have.
 * @throws BulkError if it cannot be read, or is no export.
 */
export async function openZitadelExport(input: string, now: number): Promise<PreparedSource> {
  const file = await openInputFile(input);
  const spool = createMetadataSpool();
  const losses = createLosses();
  const meter = createMeter("bytes", file.size);
  try {
    const outline = await outlineExport(file.chunks(), spool, (bytes) => meter.show(bytes, bytes));
    meter.end();
    const lines = () => {
      losses.clear();
      return linesOf(peopleOfExport(file.chunks(), outline, spool, losses));
    };
    const kept = outline.organizations.filter(({ state }) => state !== "ORG_STATE_REMOVED");
    return {
      key: await keyOfLines(lines()),
      size: undefined,
      lines: outline.people,
      organizations: kept.map(({ id, name }) => ({ id, name: name || id, createdAt: now })),
      chunks: lines,
      losses,
      close: () => spool.close(),
    };
  } catch (error) {
    meter.end();
    spool.close();
    throw error;
  }
}
