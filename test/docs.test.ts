import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { BYPASS_REASONS } from "../src/outcome.ts";

const ROOT = path.resolve(import.meta.dirname, "..");

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

function sections(file: string): string[] {
  return [...read(file).matchAll(/^### `([^`]+)`$/gm)].map((match) => match[1] ?? "");
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(path.join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((page) => page.endsWith(".md"))
    .map((page) => `docs/${page}`),
];

describe("documentation", () => {
  it("has a section for each reason, in the order of outcome.ts", () => {
    expect(sections("docs/limits.md")).toEqual([...BYPASS_REASONS]);
  });

  it("has a section for each error code", () => {
    const codes = [...read("src/errors.ts").matchAll(/readonly code = "(\w+)"/g)].map((match) => match[1]);
    expect(codes.length).toBeGreaterThan(5);
    expect(sections("docs/errors.md")).toEqual(codes);
  });

  it("names each option and variable", () => {
    const api = read("docs/api.md");
    const options = [...read("src/options.ts").matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1] ?? "");
    expect(options.length).toBeGreaterThan(5);
    for (const name of [...options, "SQLMEM_DEBUG", "SQLMEM_CACHE_DB", "SQLMEM_BACKUP_INTERVAL"]) {
      expect(api).toContain(`\`${name}\``);
    }
  });

  it("keeps the README short", () => {
    expect(read("README.md").split("\n").length).toBeLessThanOrEqual(151);
  });

  it.each(pages)("links of %s lead somewhere", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    expect(links.filter((link) => !existsSync(path.resolve(ROOT, path.dirname(page), link)))).toEqual([]);
  });
});
