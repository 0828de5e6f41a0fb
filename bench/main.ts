/**
 * What SQLmem costs and saves, side by side in one process: `npm run bench`. Of some parts alone: `npm run bench -- hits joins`;
 * nothing is written then.
 *
 *   --quick   a tenth of the rows and of the rounds, to see that it runs; nothing is written
 */
import { parseArgs } from "node:util";
import { measureAttached } from "./attached.ts";
import { type Bench, startBench } from "./bench.ts";
import { measureEventLoop } from "./event-loop.ts";
import { measureFreshness } from "./freshness.ts";
import { measureHits } from "./hits.ts";
import { measureJoins } from "./joins.ts";
import { measureLoad } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { measureMisses } from "./misses.ts";
import { measureOrms } from "./orms.ts";
import { measurePlanning } from "./planning.ts";
import { printSection, printTargets, type Section, say } from "./report.ts";
import { saveResults } from "./results.ts";
import { measureSize } from "./size.ts";
import { measureTexts } from "./texts.ts";

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<readonly Section[]>>> = {
  load: measureLoad,
  memory: measureMemory,
  "event-loop": measureEventLoop,
  size: measureSize,
  hits: measureHits,
  joins: measureJoins,
  texts: measureTexts,
  planning: measurePlanning,
  misses: measureMisses,
  attached: measureAttached,
  freshness: measureFreshness,
  orms: measureOrms,
};

const {
  values: { quick },
  positionals: only,
} = parseArgs({ options: { quick: { type: "boolean", default: false } }, allowPositionals: true });
const unknown = only.filter((name) => PARTS[name] === undefined);
if (unknown.length > 0) throw new Error(`No part ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

const started = performance.now();
const rows = quick ? 100_000 : 1_000_000;
const running = await startBench(rows, quick ? 0.1 : 1);
const { bench } = running;
const sections: Section[] = [];
try {
  const machine = await describeMachine(bench);
  say(
    Object.entries(machine)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
  say(`${rows.toLocaleString("en-US")} rows of 6 columns`);
  for (const [name, measure] of Object.entries(PARTS)) {
    if (only.length > 0 && !only.includes(name)) continue;
    for (const measured of await measure(bench)) {
      // A quick run is over before the compiler has warmed up: nothing to hold targets against.
      const section = quick ? { ...measured, targets: [] } : measured;
      printSection(section);
      sections.push(section);
    }
  }
  if (!quick) printTargets(sections);
  if (!quick && only.length === 0) await saveResults(machine, rows, sections);
} catch (error) {
  if (!running.interrupted()) throw error;
} finally {
  await running[Symbol.asyncDispose]();
}
say(`\n${Math.round((performance.now() - started) / 1000)} s`);
