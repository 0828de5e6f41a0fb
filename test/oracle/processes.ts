import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TallyCounts } from "./tally.ts";

/** What a child of `fuzz.ts` writes to its standard output, one JSON object a line. */
export type Message =
  | { readonly kind: "progress"; readonly queries: number; readonly failures: number }
  | { readonly kind: "failure"; readonly text: string }
  | { readonly kind: "tally"; readonly tally: TallyCounts; readonly failures: number };

/** Runs `fuzz.ts` with these arguments in a process of its own, which uses the servers of this one. */
export async function runChild(args: readonly string[], onMessage: (message: Message) => void): Promise<void> {
  const script = fileURLToPath(new URL("./fuzz.ts", import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) onMessage(JSON.parse(line) as Message);
  }
  const code = await promise;
  if (code !== 0 && code !== 1) throw new Error(`A process of the run ended with ${code}`);
}
