import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Mutant, mutate } from "./mutate.ts";

/** What became of a mutant. `after` is the number of queries until the first difference. */
export type Hunt =
  | { readonly kind: "killed"; readonly after: number; readonly how: string }
  | { readonly kind: "survived"; readonly output: string };

export interface HuntOptions {
  readonly seed: number;
  readonly maxQueries: number;
  readonly server: string;
  /** Which generator hunts: that of several tables, or that of one. */
  readonly related: boolean;
}

/** No mistake at all: what it does not survive, no mutant's end can be told from. */
export const UNCHANGED: Mutant = { name: "unchanged", file: "index.ts", find: "", replace: "" };

/** Fuzzes the sources with the mistake, in a process of its own, until the first difference. */
export async function hunt(mutant: Mutant, options: HuntOptions): Promise<Hunt> {
  await using sources = await mutate(mutant);
  const fuzz = fileURLToPath(new URL("./fuzz.ts", import.meta.url));
  const output = await run(process.execPath, [
    ...[fuzz, "--json", "--engine", sources.entry, "--seed", String(options.seed)],
    ...["--queries", String(options.maxQueries), "--minutes", "5", "--server", options.server],
    ...["--failures", "1", "--shrink", "0", "--related", options.related ? "1" : "0"],
  ]);
  const found = /^\{.*\}$/m.exec(output);
  if (found === null) {
    if (!output.includes(" 0 differences")) throw new Error(`The run broke off:\n${output}`);
    return { kind: "survived", output };
  }
  const { after, kind, sql } = JSON.parse(found[0]) as { after: number; kind: string; sql: string };
  return { kind: "killed", after, how: `${kind}: ${sql}` };
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.once("error", reject);
  child.once("close", () => resolve(output));
  return await promise;
}
