import type { RequestHead } from "./exchange.ts";

/**
 * Whether a request names its host as RFC 9112 section 3.2 asks: well formed, and always in HTTP/1.1.
 * No route depends on the host, but a malformed one has crashed servers that build a URL from it. HTTP/1.0
 * needs no host, and health checks of load balancers send none.
 */
export function createHostCheck(): (head: RequestHead) => boolean {
  // Nearly all requests name the same host.
  let latestValid: string | undefined;
  return ({ httpVersion, headers, authority }) => {
    if (authority !== undefined && !isHost(authority)) return false;
    const host = headers[":authority"] ?? headers.host;
    if (host === undefined) return httpVersion !== "1.1";
    if (host === latestValid) return true;
    const isValid = isHost(String(host));
    if (isValid) latestValid = String(host);
    return isValid;
  };
}

function isHost(text: string): boolean {
  return (
    /^(?:[\w.~!$&'()*+;=%-]{1,255}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5})?$/.test(text) &&
    URL.canParse(`http://${text}`)
  );
}
