import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

// Imports point along the flow of a query: a part knows what comes before it, nothing of what comes after.

const SRC = path.resolve(import.meta.dirname, "../src");

/** What every part may use. */
const FOUNDATION = [
  "errors",
  "outcome",
  "config",
  "options",
  "logging",
  "catalog",
  "generational-cache",
  "quoting",
  "within",
  "pause",
];

/** Part → the parts (folders, or files directly in `src`) that it may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  errors: ["outcome"],
  "generational-cache": [],
  quoting: [],
  within: [],
  pause: [],
  outcome: [],
  config: ["errors"],
  options: ["config", "errors", "freshness"],
  logging: ["config", "errors", "outcome"],
  catalog: ["parse"],
  parse: FOUNDATION,
  store: FOUNDATION,
  plan: [...FOUNDATION, "parse", "store", "dialects/dialect"],
  load: [...FOUNDATION, "freshness", "parse", "plan", "store", "dialects/dialect"],
  execute: [...FOUNDATION, "parse", "plan", "store", "encode", "dialects/dialect"],
  encode: [...FOUNDATION, "parse", "plan", "store", "dialects/dialect"],
  freshness: [...FOUNDATION, "parse", "store", "dialects/dialect"],
  cli: [...FOUNDATION, "dialects/postgres"],
  "dialects/dialect": [...FOUNDATION, "parse", "store"],
  "dialects/postgres": [...FOUNDATION, "parse", "store", "dialects/dialect"],
};

/** Where only types are imported, against the flow: interfaces that a part implements or carries for a later one. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  "dialects/dialect": ["plan", "execute", "encode", "freshness"],
  "dialects/postgres": ["plan", "execute", "encode", "freshness"],
  cli: ["freshness"],
  execute: ["load"],
  // An entry of the plan cache keeps the execution that was made from its plan.
  plan: ["execute"],
};

/** The engine joins the parts, the index exports them: only these files may import one another and everything. */
const TOP: ReadonlySet<string> = new Set([
  "assembly",
  "attached-cache",
  "create-engine",
  "engine",
  "diagnostics",
  "exit-flush",
  "explain",
  "faults",
  "freshness-host",
  "governor",
  "index",
  "invalidate",
  "lifetime",
  "planner-origin",
  "refusals",
  "same-rows",
  "stats",
  "verification",
  "verification-report",
  "write-through",
]);

/** Files of a part that others may import, where not all of them are for others. */
const OPEN_FILES: Readonly<Record<string, readonly string[]>> = {
  // The store's threads and files are its own business; planning knows only the contract.
  plan: ["store/contract.ts", "store/column-set.ts"],
  "dialects/dialect": ["store/contract.ts", "store/column-set.ts"],
  // Loads and the store must agree on what a snapshot shows.
  "dialects/postgres": ["store/contract.ts", "store/column-set.ts", "store/changes/visibility.ts"],
};

/** Packages and the only parts that may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  pg: ["dialects/postgres"],
  "pg-copy-streams": ["dialects/postgres"],
  "libpg-query": ["dialects/postgres"],
  pino: ["logging"],
  "rotating-file-stream": ["logging"],
  "node:sqlite": ["store"],
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly specifier: string;
  readonly typesOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(SRC, file), "utf8");
  const patterns = [
    /^(?:import|export)\b[^"';]*?\bfrom\s+["']([^"']+)["']/gm,
    /^import\s+["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
    /\bnew URL\(\s*["'](\.[^"']+)["']\s*,\s*import\.meta\.url/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      file,
      from: partOf(file),
      specifier: match[1] ?? "",
      typesOnly: /^(?:import|export) type\b/.test(match[0]),
    })),
  );
}

/** `dialects/postgres/copy.ts` → `dialects/postgres`; `plan/term.ts` → `plan`; `errors.ts` → `errors`. */
function partOf(file: string): string {
  const steps = file.replace(/\.ts$/, "").split("/");
  return steps[0] === "dialects" ? steps.slice(0, 2).join("/") : (steps[0] ?? "");
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll(path.sep, "/"))
  .filter((file) => file.endsWith(".ts"));
const imports = files.flatMap(importsOf);

describe("layers", () => {
  it("finds the imports at all", () => {
    expect(files.length).toBeGreaterThan(10);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it("imports point along the flow", () => {
    const wrong: string[] = [];
    for (const { file, from, specifier, typesOnly } of imports) {
      if (!specifier.startsWith(".") || TOP.has(from)) continue;
      const target = path.posix.join(path.posix.dirname(file), specifier);
      const to = partOf(target);
      if (to === from || (typesOnly && TYPES_ONLY[from]?.includes(to))) continue;
      const open = OPEN_FILES[from]?.filter((name) => partOf(name) === to);
      const allowed = ALLOWED[from]?.includes(to) && (!open || open.length === 0 || open.includes(target));
      if (!allowed) wrong.push(`${file} imports ${target}`);
    }
    expect(wrong).toEqual([]);
  });

  it("packages stay in their parts", () => {
    const wrong = imports
      .filter(({ from, specifier }) => PACKAGES[specifier] && !PACKAGES[specifier].includes(from))
      .map(({ file, specifier }) => `${file} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });

  it("each package that is imported is known here", () => {
    const packages = new Set(imports.map((one) => one.specifier).filter((name) => !/^(\.|node:)/.test(name)));
    expect([...packages].filter((name) => !PACKAGES[name])).toEqual([]);
  });
});
