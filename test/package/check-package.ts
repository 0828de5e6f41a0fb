// Packs SQLmem, installs the tarball beside `pg` in an empty project, and runs the README's quick start there as printed;
// then compiles a typed use of it. Needs `npm run build` before and the network.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createDatabase, newestServer, startServers } from "../support/postgres.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

async function main(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "sqlmem-package-"));
  try {
    await using _running = await startServers();
    await using database = await createDatabase(newestServer());
    const project = path.join(directory, "project");
    await mkdir(project);
    await writeFile(path.join(project, "package.json"), '{ "name": "empty", "private": true }\n');

    await run(ROOT, "npm", ["pack", "--ignore-scripts", "--pack-destination", directory]);
    const tarball = (await readdir(directory)).find((name) => name.endsWith(".tgz"));
    if (!tarball) throw new Error("npm pack made no tarball");
    await run(project, "npm", ["install", "--no-audit", "--no-fund", path.join(directory, tarball), "pg"]);

    const quickStart = firstBlock(await readFile(path.join(ROOT, "README.md"), "utf8"), "js");
    await writeFile(path.join(project, "quickstart.mjs"), quickStart);
    const output = await run(project, process.execPath, ["quickstart.mjs"], { DATABASE_URL: database.url });
    process.stdout.write(output);
    for (const word of ["miss", "hit"]) {
      if (!output.includes(word)) throw new Error(`the quick start did not print "${word}"`);
    }

    await checkTypes(project);
    process.stdout.write("The packed tarball installs, runs the quick start and type-checks.\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The declarations must compile for users who check libraries too, in strict mode. */
async function checkTypes(project: string): Promise<void> {
  await run(project, "npm", ["install", "--no-audit", "--no-fund", "--save-dev", "@types/node@24", "@types/pg@8"]);
  await writeFile(
    path.join(project, "typed.mts"),
    `import pg from "pg";
import { addSink, CachingEngine, createEngine, type EngineOptions, ReadOnlyError, UnsupportedQueryError } from "sqlmem";

const options: EngineOptions = { mode: "transparent", cacheDb: false };
const engine: CachingEngine = new CachingEngine(new pg.Pool(), options);
const rows = await engine.execute<{ id: number }>("SELECT id FROM users WHERE id = $1", [1]);
const id: number | undefined = rows[0]?.id;
const outcome: "hit" | "miss" | "bypass" = (await engine.explain("SELECT id FROM users")).outcome;
await engine.invalidate("users");
await createEngine("postgresql://localhost/x").close();
await addSink(process.stderr, { level: "DEBUG" }).close();
console.log(id, outcome, ReadOnlyError.name, UnsupportedQueryError.name);
`,
  );
  const tsc = path.join(ROOT, "node_modules", ".bin", "tsc");
  const settings = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
  await run(project, tsc, [...settings, "--skipLibCheck", "false", "--lib", "es2024,esnext.disposable", "typed.mts"]);
}

async function run(cwd: string, command: string, args: readonly string[], env?: object): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env } });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** The content of the first fenced block of a language in a Markdown text. */
function firstBlock(markdown: string, language: string): string {
  const fence = `\n\`\`\`${language}\n`;
  const start = markdown.indexOf(fence);
  const end = markdown.indexOf("\n```\n", start + fence.length);
  if (start < 0 || end < 0) throw new Error(`README.md has no ${language} block`);
  return markdown.slice(start + fence.length, end + 1);
}

await main();
