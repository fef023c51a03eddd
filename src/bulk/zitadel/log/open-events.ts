import { keyOfLines, openInputFile, type PreparedSource } from "../../import/prepared-source.ts";
import { linesOf } from "../../lines-of.ts";
import { createLosses } from "../../losses.ts";
import { createMeter } from "../../meter.ts";
import { eventsOfLines, outlineLog, peopleOfLog } from "./read-events.ts";

/**
 * Rows of ZITADEL's `eventstore.events2` as lines of JSON, as lines of an import. The file is read twice, because
 * an organization may be removed behind its people.
 *
 * @throws BulkError if it cannot be read, or is not in order.
 */
export async function openZitadelEvents(input: string): Promise<PreparedSource> {
  const file = await openInputFile(input);
  const losses = createLosses();
  const meter = createMeter("bytes", file.size);
  const show = (bytes: number) => meter.show(bytes, bytes);
  const outline = await outlineLog(eventsOfLines(file.chunks(), show)).finally(meter.end);
  const lines = () => {
    losses.clear();
    return linesOf(peopleOfLog(eventsOfLines(file.chunks()), outline, losses));
  };
  return {
    key: await keyOfLines(lines()),
    size: undefined,
    lines: outline.users,
    organizations: outline.organizations.organizations(),
    chunks: lines,
    losses,
    close() {},
  };
}
