import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { root } from "../support/child.ts";

/** One line of a Containerfile. */
type Step = { readonly word: string; readonly rest: string };

/** What an image says of the containers that are made of it. */
export type Image = {
  /** The file system, without that of the base image. */
  readonly folder: string;
  readonly environment: Record<string, string>;
  readonly user: string;
  readonly volumes: string[];
  readonly command: string[];
  readonly healthCheck: string[];
};

/** The Containerfile, step by step, without comments. */
export function stepsOf(text: string): Step[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, word = "", rest = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
      return { word, rest };
    });
}

/**
 * Do what the Containerfile says without a container engine: each stage gets a folder, and paths of the image
 * are below it. The base image is not there.
 *
 * @param context The folder that COPY reads. The stages are folders in it.
 * @throws Error for a step that this does not know.
 */
export function layOut(context: string): Image {
  const steps = stepsOf(readFileSync(join(root, "deploy", "Containerfile"), "utf8"));
  const stages = new Map<string, string>();
  let image = emptyImage(context);
  let workdir = "/";
  for (const { word, rest } of steps) {
    const { folder } = image;
    const inImage = (path: string) =>
      join(folder, path.startsWith("/") ? path : join(workdir, path));
    switch (word) {
      case "FROM": {
        image = emptyImage(context);
        workdir = "/";
        stages.set(/ AS (\w+)$/.exec(rest)?.[1] ?? "", image.folder);
        break;
      }
      case "WORKDIR":
        workdir = rest;
        mkdirSync(inImage(rest), { recursive: true });
        break;
      case "COPY":
        copy(rest, context, stages, inImage);
        break;
      case "RUN":
        execFileSync("sh", ["-e", "-c", rest.replaceAll(/ \/(?=\w)/g, ` ${folder}/`)], {
          cwd: inImage(workdir),
          env: { ...process.env, npm_config_prefer_offline: "true" },
          stdio: ["ignore", "ignore", "inherit"],
        });
        break;
      case "ENV": {
        const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(rest) ?? [];
        image.environment[name] = value;
        break;
      }
      case "USER":
        image = { ...image, user: rest };
        break;
      case "VOLUME":
        image.volumes.push(rest);
        break;
      case "ENTRYPOINT":
      case "CMD":
        image.command.push(...JSON.parse(rest));
        break;
      case "HEALTHCHECK":
        image.healthCheck.push(...JSON.parse(rest.replace(/^.*? CMD /, "")));
        break;
      case "EXPOSE":
      case "STOPSIGNAL":
        break;
      default:
        throw new Error(`unknown step: ${word} ${rest}`);
    }
  }
  return image;
}

function emptyImage(within: string): Image {
  const folder = mkdtempSync(join(within, "image-"));
  return { folder, environment: {}, user: "0:0", volumes: [], command: [], healthCheck: [] };
}

function copy(
  rest: string,
  context: string,
  stages: ReadonlyMap<string, string>,
  inImage: (path: string) => string,
): void {
  const [, stage, from = "", to = ""] = /^(?:--from=(\w+) )?(\S+) (\S+)$/.exec(rest) ?? [];
  const source = stage === undefined ? context : stages.get(stage);
  if (source === undefined) throw new Error(`there is no stage ${stage}`);
  const pattern = join(source, from);
  const files = globSync(basename(pattern), { cwd: dirname(pattern) });
  if (files.length !== 1) throw new Error(`COPY ${from}: not one file, but ${files.length}`);
  cpSync(join(dirname(pattern), files[0] ?? ""), inImage(to), { recursive: true });
}
