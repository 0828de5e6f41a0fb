/**
 * `npm run fuzz -- --minutes 5 --seed 7 --server 18`: random queries through the engine and through the bare driver until
 * the time is over; every difference is made small and written to `test/oracle/regressions/`.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { servers, startServers, type TestCollation, type TestServer } from "../support/postgres.ts";
import { type CampaignOptions, campaign } from "./campaign.ts";
import { serializeRegression } from "./regression.ts";
import { failureText, progressLine, summary } from "./report.ts";
import { directFactory, engineFactory } from "./subject.ts";
import type { Failure } from "./tally.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    queries: { type: "string" },
    seed: { type: "string" },
    server: { type: "string" },
    collation: { type: "string" },
    engine: { type: "string", default: fileURLToPath(new URL("../../src/index.ts", import.meta.url)) },
    direct: { type: "boolean", default: false },
    failures: { type: "string", default: "20" },
    shrink: { type: "string", default: "30" },
    write: { type: "boolean", default: false },
    // One JSON object per difference instead of progress and summary.
    json: { type: "boolean", default: false },
  },
});

const seed = Number(values.seed ?? process.env.SQLMEM_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const factory = values.direct ? directFactory() : await engineFactory(values.engine);
await using running = await serversOfThisRun();
const chosen = running.servers.filter(({ name }) => values.server === undefined || name.includes(values.server));
if (chosen.length === 0)
  throw new Error(`--server ${values.server}: have ${running.servers.map(({ name }) => name).join(", ")}`);

let failures = 0;
for (const server of chosen) failures += await fuzz(server);
process.exitCode = failures > 0 ? 1 : 0;

async function fuzz(server: TestServer): Promise<number> {
  const startedAt = Date.now();
  process.stdout.write(`${server.name}: SQLMEM_FUZZ_SEED=${seed}\n`);
  const options: CampaignOptions = {
    server,
    factory,
    seed,
    maxQueries: values.queries === undefined ? Number.POSITIVE_INFINITY : Number(values.queries),
    maxMs: (Number(values.minutes) * 60_000) / chosen.length,
    maxFailures: Number(values.failures),
    shrinkMs: Number(values.shrink) * 1000,
    onProgress: (tally) => {
      if (!values.json) process.stdout.write(`  ${progressLine(tally, startedAt)}\n`);
    },
    onFailure: (failure) => {
      const { after, sql, difference } = failure;
      process.stdout.write(
        values.json ? `${JSON.stringify({ after, sql, ...difference })}\n` : `\n${failureText(failure)}\n\n`,
      );
      void keep(failure);
    },
    ...(values.collation === undefined ? {} : { collations: [values.collation as TestCollation] }),
  };
  const tally = await campaign(options);
  process.stdout.write(`${values.json ? progressLine(tally, startedAt) : summary(tally, startedAt)}\n`);
  return tally.failures.length;
}

/** Those of the run that started this process, or its own. */
async function serversOfThisRun(): Promise<AsyncDisposable & { readonly servers: readonly TestServer[] }> {
  if (process.env.SQLMEM_TEST_RUNNING_SERVERS === undefined) return await startServers();
  return { servers: servers(), [Symbol.asyncDispose]: async () => {} };
}

async function keep({ shrunk }: Failure): Promise<void> {
  if (!values.write || shrunk === null || !shrunk.reproduced) return;
  const text = serializeRegression(shrunk.regression);
  const directory = new URL("./regressions/", import.meta.url);
  await mkdir(directory, { recursive: true });
  const slug = createHash("sha256").update(text).digest("hex").slice(0, 8);
  await writeFile(new URL(`found-${slug}.json`, directory), text);
}
