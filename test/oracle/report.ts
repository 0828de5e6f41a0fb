import { inspect } from "node:util";
import type { Failure, Tally } from "./tally.ts";

export function progressLine(tally: Tally, startedAt: number, differences = tally.failures.length): string {
  const minutes = (Date.now() - startedAt) / 60_000;
  const rate = Math.round(tally.queries / Math.max(minutes, 1 / 600));
  return `${tally.queries} queries (${rate}/min), ${share(tally.cached, tally.queries)} from the cache, ${differences} differences`;
}

export function summary(tally: Tally, startedAt: number, differences = tally.failures.length): string {
  const pairs = tally.coverage.pairs();
  const lines = [
    progressLine(tally, startedAt, differences),
    `${tally.batches} schemas; ${tally.hits} hits, ${tally.misses} misses, ${tally.bypasses} bypasses; ${tally.raised} raised the same error`,
    `${tally.changes} changes behind the cache's back, ${tally.staleHits} hits still showed the old rows, as they must`,
    ...[...tally.faces].map(
      ([name, { asked, cached }]) => `  ${name.padEnd(20)} ${asked} queries, ${share(cached, asked)} from the cache`,
    ),
    "",
    "not from the cache, by reason:",
    ...[...tally.reasons]
      .sort((a, b) => b[1] - a[1])
      .map(([reason, count]) => `  ${String(count).padStart(6)}  ${reason}`),
    "",
    "of a sample, in particular:",
    ...[...tally.details]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 60)
      .map(([detail, count]) => `  ${String(count).padStart(6)}  ${detail}`),
    "",
    `faults reported: ${tally.faults.size}`,
    ...[...tally.faults].map(
      ([fault, { sql, count }]) => `  ${String(count).padStart(6)}  ${fault}\n          ${sql.slice(0, 300)}`,
    ),
    "",
    `${pairs.reached} pairs of features reached, ${share(pairs.cached, pairs.reached)} of them by an answer from the cache`,
    "coverage: generated, of these from the cache",
    ...tally.coverage
      .rows()
      .map(
        ([name, seen, cached]) => `  ${name.padEnd(26)} ${String(seen).padStart(7)} ${share(cached, seen).padStart(5)}`,
      ),
  ];
  return lines.join("\n");
}

/** The pairs of features with how often they came and were answered from the cache. */
export function pairLines(tally: Tally): string {
  return tally.coverage
    .pairRows()
    .map(
      ([name, seen, cached]) => `  ${name.padEnd(60)} ${String(seen).padStart(7)} ${share(cached, seen).padStart(5)}`,
    )
    .join("\n");
}

export function failureText(failure: Failure): string {
  const lines = [
    `DIFFERENCE ${failure.subject}, batch seed ${failure.batchSeed}, after ${failure.after} queries`,
    failure.sql,
    `params ${inspect(failure.params, { depth: 4 })}`,
    `${failure.difference.kind}: ${failure.difference.detail}`,
  ];
  if (failure.shrunk !== null) {
    const { regression, reproduced } = failure.shrunk;
    lines.push(reproduced ? "shrunk to:" : "did not fail again on a fresh engine:", regression.note);
    lines.push(...(reproduced ? regression.setup.map((sql) => `  ${sql.slice(0, 400)};`) : []));
    for (const step of regression.steps) {
      if ("sql" in step) lines.push(`  ${step.sql}   ${inspect(step.params)}`);
      else lines.push("change" in step ? `  ${step.change};` : `  through the engine: ${step.write};`);
    }
    if (regression.session !== "") lines.push(`  session ${regression.session}`);
    lines.push(`  collation ${regression.collation}`);
  }
  return lines.join("\n");
}

function share(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${Math.round((100 * part) / whole)} %`;
}
