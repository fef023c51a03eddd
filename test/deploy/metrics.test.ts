import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parser } from "@prometheus-io/lezer-promql";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { clientLimits } from "../../src/wire/limits.ts";
import { root, runProgram } from "../support/child.ts";
import { startServer } from "../support/server.ts";

const read = (name: string) => readFileSync(join(root, "deploy", name), "utf8");

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
};
const rules: readonly Rule[] = parse(read("prometheus-alerts.yaml")).groups[0].rules;

type Panel = {
  readonly id: number;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
};
const dashboard = JSON.parse(read("grafana-dashboard.json"));
const panels: readonly Panel[] = dashboard.panels;

/** Labels that Prometheus adds to what it scrapes. */
const added = ["job", "instance"];
/** A metric that Prometheus makes itself. */
const ofPrometheus = ["up"];

/** What an expression of PromQL reads: the names of metrics, and the labels that it matches or groups by. */
function readsOf(expression: string) {
  // Grafana puts these in before Prometheus sees the expression.
  const text = expression.replaceAll("$__rate_interval", "5m").replaceAll("$job", "giraffe");
  const metrics: string[] = [];
  const labels: string[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const part = text.slice(from, to);
      if (type.isError) throw new Error(`${text}: syntax error at ${from}`);
      if (type.name === "Identifier" && node.parent?.name === "VectorSelector") metrics.push(part);
      if (type.name === "LabelName") labels.push(part);
    },
  });
  return { metrics, labels };
}

const expressions = [
  ...rules.map(({ alert, expr }) => ({ name: alert, expr })),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ name: title, expr }))),
];

describe("alerts and dashboard", () => {
  /** The labels of each metric, by the names that queries use. */
  const known = new Map<string, Set<string>>();

  beforeAll(async () => {
    const server = await startServer(["--demo"]);
    await (await fetch(`${server.url}/debug/ready`)).text();
    const text = await (await fetch(`${server.url}/debug/metrics`)).text();
    await server.close();
    for (const [, name = ""] of text.matchAll(/^# TYPE (\S+) /gm)) known.set(name, new Set());
    for (const [, name = "", labels = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
      const own = [...labels.matchAll(/(\w+)="/g)].map(([, label = ""]) => label);
      known.set(name, new Set([...(known.get(name) ?? []), ...own]));
    }
    // What has not happened yet has no series, so its labels are those of the documentation.
    const page = readFileSync(join(root, "docs", "operating.md"), "utf8");
    for (const [, name = "", labels = ""] of page.matchAll(/^\| `(giraffe_\w+)` \| ([^|]*) \|/gm)) {
      const own = [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label);
      for (const each of [name, `${name}_count`, `${name}_sum`, `${name}_bucket`]) {
        if (known.has(name)) known.set(each, new Set([...(known.get(each) ?? []), ...own, "le"]));
      }
    }
  });

  test.for(expressions)("$name asks for metrics and labels that are served: $expr", ({ expr }) => {
    const { metrics, labels } = readsOf(expr);
    expect(metrics.length).toBeGreaterThan(0);
    const unknown = metrics.filter((name) => !known.has(name) && !ofPrometheus.includes(name));
    expect(unknown).toEqual([]);
    const there = new Set([...added, ...metrics.flatMap((name) => [...(known.get(name) ?? [])])]);
    expect(labels.filter((label) => !there.has(label))).toEqual([]);
  });

  test("a mistyped metric or label would be found, and so would broken syntax", () => {
    expect(readsOf('rate(giraffe_request_total{cod="ok"}[5m])')).toEqual({
      metrics: ["giraffe_request_total"],
      labels: ["cod"],
    });
    expect(known.has("giraffe_request_total")).toBe(false);
    expect(() => readsOf("rate(giraffe_requests_total[5m]")).toThrow("syntax error");
  });

  test("every metric of Giraffe's own is on the dashboard", () => {
    const asked = panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) =>
        readsOf(expr).metrics.map((name) => name.replace(/_(bucket|sum|count)$/, "")),
      ),
    );
    const own = [...known.keys()].filter(
      (name) => name.startsWith("giraffe_") && !/_(bucket|sum|count)$/.test(name),
    );
    expect(own.filter((name) => !asked.includes(name))).toEqual([]);
  });
});

describe("deploy/prometheus-alerts.yaml", () => {
  test("tells for each alert what is wrong and what to do", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(["page", "ticket"], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
      expect(annotations.action, alert).toMatch(/\.$/);
    }
  });

  test("has the limits that the code has", () => {
    const expression = (name: string) => rules.find(({ alert }) => alert === name)?.expr ?? "";
    const limit = Number(/> (\d+)$/.exec(expression("GiraffeManyConnections"))?.[1]);
    expect(limit / clientLimits.maxConnections).toBeGreaterThan(0.75);
    expect(limit / clientLimits.maxConnections).toBeLessThan(0.85);
  });

  const hasPromtool = hasProgram("promtool");
  if (!hasPromtool) process.stderr.write("SKIPPED: promtool is not there to check the alerts\n");
  test.skipIf(!hasPromtool)("is correct to promtool", async () => {
    const { code, stdout, stderr } = await runProgram("promtool", [
      ...["check", "rules", join(root, "deploy", "prometheus-alerts.yaml")],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`${rules.length} rules found`);
  });
});

describe("deploy/grafana-dashboard.json", () => {
  test("has panels beside and below one another, each with a legend", () => {
    const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(panels.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (const { expr, legendFormat } of targets) {
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
        expect(readsOf(expr).labels, title).toEqual(expect.arrayContaining(shown));
      }
    }
  });

  test("uses the variables that it has", () => {
    const names = dashboard.templating.list.map(({ name }: { name: string }) => name);
    const used = [...JSON.stringify(panels).matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name);
    expect(new Set(used)).toEqual(new Set(names));
  });
});

function hasProgram(name: string): boolean {
  try {
    execFileSync("which", [name], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
