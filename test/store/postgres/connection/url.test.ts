import { describe, expect, test } from "vitest";
import { hostsOf } from "../../../../src/store/postgres/connection/url.ts";

describe("hostsOf", () => {
  test.for<{ url: string; want: [host: string, url: string][] }>([
    { url: "postgres://db/g", want: [["db", "postgres://db/g"]] },
    {
      url: "postgres://u:p%2C@h1:1,h2,[::1]:3/g?sslmode=disable",
      want: [
        ["h1:1", "postgres://u:p%2C@h1:1/g"],
        ["h2", "postgres://u:p%2C@h2/g"],
        ["[::1]:3", "postgres://u:p%2C@[::1]:3/g"],
      ],
    },
    {
      url: "postgres://h/g?a=1&sslmode=require&options=-csearch_path%3Dx&statement_timeout=9",
      want: [["h", "postgres://h/g?a=1&options=-csearch_path%3Dx"]],
    },
    {
      url: "postgres:///g?host=/run/postgresql",
      want: [["/run/postgresql", "postgres://%2Frun%2Fpostgresql/g"]],
    },
    {
      url: "postgresql://u@/g?host=%2Frun%2Fpostgresql&port=5433",
      want: [["/run/postgresql:5433", "postgresql://u@%2Frun%2Fpostgresql:5433/g"]],
    },
    {
      url: "postgres://u@%2Frun%2Fpostgresql:5433/g",
      want: [["/run/postgresql:5433", "postgres://u@%2Frun%2Fpostgresql:5433/g"]],
    },
    {
      url: "postgres:///g?host=a,::1,/run&port=1,2,",
      want: [
        ["a:1", "postgres://a:1/g"],
        ["[::1]:2", "postgres://[::1]:2/g"],
        ["/run", "postgres://%2Frun/g"],
      ],
    },
    {
      url: "postgres://a:1,b/g?port=7",
      want: [
        ["a:7", "postgres://a:7/g"],
        ["b:7", "postgres://b:7/g"],
      ],
    },
  ])("C12: splits $url", ({ url, want }) => {
    expect(hostsOf(url).map(({ host, url: one }) => [host, one])).toEqual(want);
  });

  test.for([
    { query: "", want: { mode: "prefer", rootCertFile: undefined } },
    { query: "ssl=true", want: { mode: "require" } },
    { query: "ssl=false", want: { mode: "disable" } },
    { query: "sslmode=allow&ssl=true", want: { mode: "allow" } },
    { query: "sslrootcert=system", want: { mode: "verify-full", rootCertFile: "system" } },
    { query: "sslrootcert=%2Fa%20b", want: { mode: "prefer", rootCertFile: "/a b" } },
    { query: "sslcert=c&sslkey=k", want: { client: { certFile: "c", keyFile: "k" } } },
  ])("C12: reads TLS from ?$query", ({ query, want }) => {
    expect(hostsOf(`postgres://h/g?${query}`)[0]?.tls).toMatchObject(want);
    expect(hostsOf(`postgres:///g?host=/run&${query}`)[0]?.tls).toBeUndefined();
  });

  test("keeps timeouts for the open session", () => {
    const url = "postgres://h/g?statement_timeout=1&lock_timeout=2s&query_timeout=3";
    expect(hostsOf(url)).toMatchObject([
      {
        url: "postgres://h/g?query_timeout=3",
        settings: { statement_timeout: "1", lock_timeout: "2s" },
      },
    ]);
  });
});
