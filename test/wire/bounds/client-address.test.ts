import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  addressGroup,
  createClientAddresses,
  rangeFrom,
} from "../../../src/wire/bounds/client-address.ts";
import { startEcho } from "../echo.ts";
import { exchangeRaw, openHttp2, requestHttp2, statuses } from "../raw.ts";

const { of: clientOf, isTrusted } = createClientAddresses([
  "10.0.0.0/8",
  "192.168.1.1",
  "2001:db8:1::/48",
]);
const proxy = "10.0.0.1";

describe("isTrusted", () => {
  test.for([
    ["10.255.0.1", true],
    ["::ffff:10.1.2.3", true],
    ["192.168.1.1", true],
    ["192.168.1.2", false],
    ["2001:db8:1::7", true],
    ["2001:db8:1:ffff::7%eth0", true],
    ["2001:db8:2::7", false],
    ["", false],
    ["unix", false],
  ] as const)("%s: %s", ([address, want]) => expect(isTrusted(address)).toBe(want));

  test("nobody is, by default", () => {
    const clients = createClientAddresses();
    expect(clients.isTrusted("127.0.0.1")).toBe(false);
    expect(clients.of("127.0.0.1", { "x-forwarded-for": "1.1.1.1" })).toBe("127.0.0.1");
  });

  test("refuses what is no range", () => {
    expect(() => createClientAddresses(["10.0.0.0/33"])).toThrow("10.0.0.0/33");
  });
});

describe("rangeFrom", () => {
  test.for([
    ["10.0.0.0/8", "10.0.0.0/8 of ipv4"],
    ["192.168.1.1", "192.168.1.1/32 of ipv4"],
    ["2001:db8::/128", "2001:db8::/128 of ipv6"],
    ["2001:db8::1", "2001:db8::1/128 of ipv6"],
    ["10.0.0.0/33", undefined],
    ["2001:db8::/129", undefined],
    ["10.0.0.0/8/8", undefined],
    ["a/10.0.0.0/8", undefined],
    ["fe80::1%eth0", undefined],
    ["nobody", undefined],
    ["", undefined],
  ])("%s: %s", ([text, want]) => {
    const range = rangeFrom(text as string);
    expect(range && `${range.address}/${range.prefix} of ${range.family}`).toBe(want);
  });
});

describe("B3: the client's address", () => {
  test.for<{ name: string; peer?: string; xff?: string; forwarded?: string; want: string }>([
    { name: "without a header it is the proxy's", want: proxy },
    { name: "the one that the proxy has added", xff: "1.1.1.1", want: "1.1.1.1" },
    { name: "from the right: the rest is the client's", xff: "9.9.9.9, 1.1.1.1", want: "1.1.1.1" },
    { name: "past other trusted proxies", xff: "9.9.9.9, 1.1.1.1, 10.2.2.2", want: "1.1.1.1" },
    { name: "of the first proxy, if all are", xff: "10.3.3.3,10.2.2.2", want: "10.3.3.3" },
    { name: "of the only proxy, if it is one", xff: "10.3.3.31", want: "10.3.3.31" },
    { name: "never from anybody else", peer: "11.0.0.1", xff: "1.1.1.1", want: "11.0.0.1" },
    {
      name: "never from anybody else, of RFC 7239",
      peer: "2001:db8:2::1",
      forwarded: "for=1.1.1.1",
      want: "2001:db8:2::1",
    },
    {
      name: "from a proxy that is written as IPv6",
      peer: "::ffff:10.0.0.1",
      xff: "1.1.1.1",
      want: "1.1.1.1",
    },
    { name: "with a port", xff: "1.1.1.1:4711", want: "1.1.1.1" },
    { name: "IPv6", xff: "2001:DB8:0:0::1", want: "2001:db8::1" },
    { name: "IPv6 in brackets", xff: "[2001:db8::1]", want: "2001:db8::1" },
    { name: "IPv6 with a port", xff: "[2001:db8::1]:4711", want: "2001:db8::1" },
    { name: "IPv4 written as IPv6", xff: "::ffff:101:101", want: "::ffff:1.1.1.1" },
    { name: "the proxy's behind rubbish", xff: "1.1.1.1, rubbish", want: proxy },
    { name: "the proxy's behind nothing", xff: "1.1.1.1,", want: proxy },
    {
      name: "the last proxy's, where one hides its client",
      xff: "unknown, 10.2.2.2",
      want: "10.2.2.2",
    },
    { name: "by RFC 7239", forwarded: "for=1.1.1.1", want: "1.1.1.1" },
    {
      name: "by RFC 7239, among all else",
      forwarded: 'for=9.9.9.9, proto=https; For="[2001:db8::1]:4711" ;by=10.0.0.1',
      want: "2001:db8::1",
    },
    {
      name: "by RFC 7239, behind a broken quote",
      forwarded: 'for="9.9.9.9, for=1.1.1.1',
      want: "1.1.1.1",
    },
    { name: "by RFC 7239, with blanks", forwarded: "for = 1.1.1.1 ", want: "1.1.1.1" },
    {
      name: "by RFC 7239, not of names that only look like it",
      forwarded: "x-for=9.9.9.9;forx=9.9.9.9;for=1.1.1.1",
      want: "1.1.1.1",
    },
    {
      name: "the proxy's before rubbish, by RFC 7239",
      forwarded: 'for="1.1.1.1" 9.9.9.9',
      want: proxy,
    },
    { name: "by RFC 7239, hidden", forwarded: "for=1.1.1.1, for=_hidden", want: proxy },
    { name: "where both say the same", xff: "1.1.1.1", forwarded: "for=1.1.1.1", want: "1.1.1.1" },
    {
      name: "the proxy's, where one of both was forged",
      xff: "1.1.1.1",
      forwarded: "for=8.8.8.8",
      want: proxy,
    },
  ])("B3: $name", ({ peer = proxy, xff, forwarded, want }) => {
    const headers = { ...(xff && { "x-forwarded-for": xff }), ...(forwarded && { forwarded }) };
    expect(clientOf(peer, headers)).toBe(want);
  });
});

describe("addressGroup", () => {
  test.for([
    ["1.2.3.4", "1.2.3.4"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::FFFF:10.1.2.3", "10.1.2.3"],
    ["1::ffff:1.2.3.4", "1:0:0:0"],
    ["::ffff:1:2", "0:0:0:0"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["2001:db8::5:6", "2001:db8:0:0"],
    ["1::2:3:4:5:6:7", "1:0:2:3"],
    ["1:2:3:4:5:6:7::", "1:2:3:4"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["unix socket", "unix socket"],
    ["", ""],
  ])("puts %s into the group %s", ([address, want]) =>
    expect(addressGroup(address as string)).toBe(want),
  );
});

describe("B3: behind a trusted proxy", () => {
  const request = (client: string) =>
    `GET /page HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${client}\r\nConnection: close\r\n\r\n`;

  test("B3: requests are the clients', over HTTP/1.1 and HTTP/2", async () => {
    await using server = await startEcho({}, { trustedProxies: ["127.0.0.1/32"] });
    await exchangeRaw(server.port, request("6.6.6.6, 1.1.1.1"));
    using session = openHttp2(server.port);
    await requestHttp2(session, { ":path": "/page", forwarded: "for=2.2.2.2" });
    expect(server.outcomes.map(({ peer }) => peer)).toEqual(["1.1.1.1", "2.2.2.2"]);
  });

  test("B3: a header of anybody else counts for nothing", async () => {
    await using server = await startEcho({}, { trustedProxies: ["10.0.0.0/8"] });
    await exchangeRaw(server.port, request("1.1.1.1"));
    expect(server.outcomes.map(({ peer }) => peer)).toEqual(["127.0.0.1"]);
  });

  test("A3: its connections are its own affair, its clients' streams are counted", async () => {
    await using server = await startEcho(
      {
        async *spread(_note, { signal }) {
          yield { text: "a" };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      },
      {
        trustedProxies: ["127.0.0.1"],
        clientLimits: { maxConnectionsEach: 1, maxConnections: 1, maxStreamsEach: 1 },
      },
    );
    const sessions = [1, 2, 3].map(() => openHttp2(server.port));
    const open = async (index: number, client: string) => {
      const stream = sessions[index]?.request(
        {
          ":method": "POST",
          ":path": "/echo.v1.EchoService/Spread",
          "content-type": "application/grpc",
          "x-forwarded-for": client,
        },
        { endStream: false },
      );
      stream?.on("error", () => undefined);
      stream?.end(Buffer.alloc(5));
      return new Promise((resolve) => stream?.once("response", (head) => resolve(head[":status"])));
    };
    for (const [index, client] of ["1.1.1.1", "2.2.2.2", "1.1.1.1"].entries()) {
      expect(await open(index, client)).toBe(200);
    }
    const ended = () => server.outcomes.map(({ error }) => error?.code);
    await expect.poll(ended).toEqual([Code.ResourceExhausted]);
    for (const session of sessions) session.destroy();
    expect(statuses(await exchangeRaw(server.port, request("1.1.1.1")))).toEqual([200]);
  });
});
