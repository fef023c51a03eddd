import { type FeedEvent, maxFeedBytes } from "../feed.ts";
import { eventFromRow, type Row } from "./rows.ts";

/** The columns that `feedPage` reads, of the tables `events` as `e` and `heads` as `h`. */
export const feedColumns = `e.position, e.stream, h.organization, e.version, e.type, e.creator, e.at, e.request,
  e.data`;

/** The events of rows, up to the one whose data makes the page as long as it may be. */
export function feedPage(rows: Iterable<Row>): FeedEvent[] {
  const events: FeedEvent[] = [];
  let bytes = 0;
  for (const row of rows) {
    const { position, stream, organization } = row;
    const event = eventFromRow(row);
    events.push({
      ...event,
      ...{ position: Number(position), stream: String(stream), organization: String(organization) },
    });
    bytes += Buffer.byteLength(String(row.data));
    if (bytes >= maxFeedBytes) break;
  }
  return events;
}
