import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP, isIPv6, SocketAddress } from "node:net";
import { memoize } from "../memoize.ts";

/** Tells clients apart by their addresses. */
export type ClientAddresses = {
  /** Whether the other end of a connection is a trusted proxy. */
  isTrusted(peer: string): boolean;
  /**
   * The address of the client: that of the other end of the connection, unless that is a trusted
   * proxy which names another.
   */
  of(peer: string, headers: IncomingHttpHeaders): string;
};

/**
 * A proxy adds the address of its client at the right end of `X-Forwarded-For` or `Forwarded` (RFC 7239).
 * So the list is read from the right, and only as long as the addresses there are trusted proxies: what
 * stands further left may be forged.
 *
 * If a request has both headers, both must name the same address. A proxy maintains one of them and may pass
 * on the other one from its client, and we cannot tell which is which. If they differ, the proxy counts as
 * the client.
 *
 * @param trustedProxies Addresses and CIDR ranges. Default: no proxy is trusted, no header is read.
 * @throws Error if one is not a range.
 */
export function createClientAddresses(trustedProxies: readonly string[] = []): ClientAddresses {
  if (trustedProxies.length === 0) return { isTrusted: () => false, of: (peer) => peer };
  const trusted = new BlockList();
  for (const range of trustedProxies) addRange(trusted, range);
  const isTrusted = memoize((address: string) => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address.replace(/%.*/, ""), `ipv${version as 4 | 6}`);
  });

  function clientOf(peer: string, list: string, addressFrom: (hop: string) => string): string {
    let client = peer;
    let end = list.length;
    while (end >= 0 && isTrusted(client)) {
      const start = list.lastIndexOf(",", end - 1) + 1;
      const address = canonical(addressFrom(list.slice(start, end).trim()));
      // A proxy may hide its client, or the client may have written this. We know only the last proxy.
      if (address === undefined) return client;
      client = address;
      end = start - 1;
    }
    return client;
  }

  return {
    isTrusted,
    of(peer, headers) {
      if (!isTrusted(peer)) return peer;
      const { forwarded, "x-forwarded-for": forwardedFor } = headers;
      const named = [
        typeof forwardedFor === "string" ? clientOf(peer, forwardedFor, (hop) => hop) : undefined,
        typeof forwarded === "string" ? clientOf(peer, forwarded, forOf) : undefined,
      ].filter((client) => client !== undefined);
      const [client = peer, other = client] = named;
      return other === client ? client : peer;
    },
  };
}

/** Parse `10.0.0.0/8`, `2001:db8::/32` or one address. Returns `undefined` for any other text. */
export function rangeFrom(
  text: string,
): { address: string; prefix: number; family: "ipv4" | "ipv6" } | undefined {
  const [, address = "", digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  const bits = version === 6 ? 128 : 32;
  const prefix = digits === undefined ? bits : Number(digits);
  return prefix > bits ? undefined : { address, prefix, family: version === 6 ? "ipv6" : "ipv4" };
}

function addRange(list: BlockList, text: string): void {
  const range = rangeFrom(text);
  if (range === undefined) throw new Error(`${text} is no address and no CIDR range`);
  list.addSubnet(range.address, range.prefix, range.family);
}

/** The `for` of one hop of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`. */
function forOf(hop: string): string {
  for (const pair of hop.split(";")) {
    const [, value] = /^\s*for\s*=\s*"?([^"\s]*)"?\s*$/i.exec(pair) ?? [];
    if (value !== undefined) return value;
  }
  return "";
}

/** An address without brackets and port, as the system writes it. */
function canonical(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?$/i.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  if (version === 4) return address;
  return new SocketAddress({ address, family: "ipv6" }).address;
}

/**
 * The key under which addresses count as one client: an IPv4 address, whether or not it is written as IPv6, or
 * the /64 of an IPv6 address, because a customer gets at least a /64. Any other text is returned as it is.
 */
export function addressGroup(address: string): string {
  const [plain = ""] = address.split("%");
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:([0-9.]+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = [], tail = []] = plain
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
