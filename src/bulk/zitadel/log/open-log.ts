import type { Micros } from "../../../store/event-store.ts";
import type { PreparedSource } from "../../import/prepared-source.ts";
import { createMeter } from "../../meter.ts";
import { createRemoteApi } from "../../remote/remote-api.ts";
import { openEventSpool } from "./event-spool.ts";
import { readLog } from "./list-events.ts";
import { sourceOfLog } from "./log-source.ts";
import { outlineLog } from "./read-events.ts";

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
  const meter = createMeter("events", undefined);
  try {
    await readLog(api, spool, now, (events) => meter.show(events, 0));
    const outline = await outlineLog(spool.groups());
    return await sourceOfLog(
      () => spool.groups(),
      outline,
      () => spool.close(),
    );
  } catch (error) {
    spool.close();
    throw error;
  } finally {
    meter.end();
  }
}
