import { openInputFile, type PreparedSource } from "../../import/prepared-source.ts";
import { createMeter } from "../../meter.ts";
import { sourceOfLog } from "./log-source.ts";
import { eventsOfLines, outlineLog } from "./read-events.ts";

/**
 * Rows of ZITADEL's `eventstore.events2` as lines of JSON, as lines of an import. The file is read twice, because
 * an organization may be removed behind its people.
 *
 * @throws BulkError if it cannot be read, or is not in order.
 */
export async function openZitadelEvents(input: string): Promise<PreparedSource> {
  const file = await openInputFile(input);
  const meter = createMeter("bytes", file.size);
  const show = (bytes: number) => meter.show(bytes, bytes);
  const outline = await outlineLog(eventsOfLines(file.chunks(), show)).finally(meter.end);
  return sourceOfLog(
    () => eventsOfLines(file.chunks()),
    outline,
    () => {},
  );
}
