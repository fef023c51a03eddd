import type { AnyDesc, DescFile } from "@bufbuild/protobuf";
import { getComments } from "@bufbuild/protoplugin";

/**
 * The comment before a declaration as Markdown, one line per paragraph or list item; empty if there
 * is none. Descriptors of generated code have no comments: they come with a descriptor set.
 */
export function textOf(desc: Exclude<AnyDesc, DescFile>): string {
  const { leading = "" } = getComments(desc);
  return leading
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim().replace(/\s*\n\s*(?!\s*[-*] )/g, " "))
    .filter((paragraph) => paragraph !== "")
    .join("\n\n");
}
