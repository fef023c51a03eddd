/** RFC 7541, appendix A, in order: a name, and after a space its value if it has one. */
const entries = [
  ":authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https",
  ":status 200|:status 204|:status 206|:status 304|:status 400|:status 404|:status 500",
  "accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept",
  "access-control-allow-origin|age|allow|authorization|cache-control|content-disposition",
  "content-encoding|content-language|content-length|content-location|content-range",
  "content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since",
  "if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards",
  "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie",
  "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate",
]
  .join("|")
  .split("|");

/** The names of the static table. The first entry has the index 1, so there is nothing at 0. */
export const staticNames: readonly string[] = ["", ...entries.map((entry) => cut(entry)[0])];

/** The values of the static table. Most are empty. */
export const staticValues: readonly string[] = ["", ...entries.map((entry) => cut(entry)[1])];

/** The number of entries. Those of the dynamic table follow (section 2.3.3). */
export const staticLength = entries.length;

function cut(entry: string): [name: string, value: string] {
  const space = entry.indexOf(" ");
  return space < 0 ? [entry, ""] : [entry.slice(0, space), entry.slice(space + 1)];
}
