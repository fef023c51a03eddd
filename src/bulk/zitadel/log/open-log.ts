import type { Micros } from "../../../store/event-store.ts";
import { keyOfLines, type PreparedSource } from "../../import/prepared-source.ts";
import { linesOf } from "../../lines-of.ts";
import { createLosses } from "../../losses.ts";
import { createMeter } from "../../meter.ts";
import { createRemoteApi } from "../../remote/remote-api.ts";
import { openEventSpool } from "./event-spool.ts";
import { readLog } from "./list-events.ts";
import { outlineLog, peopleOfLog } from "./read-events.ts";

/**
 * The log of a server, read by ListEvents, as lines of an import.
 *
 * @param file Keeps the events, so that the next run reads only what is new.
 * @throws BulkError if the server refuses, or the file cannot be used.
 */
export async function openZitadelLog(
  url: string,
  { token, file, now }: { readonly token: string; readonly file: string; readonly now: Micros },
): Promise<PreparedSource> {
  const api = createRemoteApi(url, token);
  const spool = openEventSpool(file, api.url);
  const losses = createLosses();
  const meter = createMeter("events", undefined);
  try {
    await readLog(api, spool, now, (events) => meter.show(events, 0));
    const outline = await outlineLog(spool.groups());
    const lines = () => {
      losses.clear();
      return linesOf(peopleOfLog(spool.groups(), outline, losses));
    };
    return {
      key: await keyOfLines(lines()),
      size: undefined,
      lines: outline.users,
      organizations: outline.organizations.organizations(),
      chunks: lines,
      losses,
      close: () => spool.close(),
    };
  } catch (error) {
    spool.close();
    throw error;
  } finally {
    meter.end();
  }
}
