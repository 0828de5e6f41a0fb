/**
 * `npm run fuzz -- --queries 100000 --processes 2 --seed 7 --server 18`: random queries through the engine and through the
 * bare driver until the queries or the `--minutes` are over; every difference is made small and, with `--write`, written
 * to `test/oracle/regressions/`. `--weights from.lateral=0,window=3` changes the mix, `--related 1` leaves the
 * single-table generator out, `--pairs` lists the pairs of features too.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { servers, startServers, type TestCollation, type TestServer } from "../support/postgres.ts";
import { type CampaignOptions, campaign } from "./campaign.ts";
import { type Message, runChild } from "./processes.ts";
import { serializeRegression } from "./regression.ts";
import { Weights } from "./relational/weights.ts";
import { failureText, pairLines, progressLine, summary } from "./report.ts";
import { directFactory, engineFactory, OTHER_PLANS } from "./subject.ts";
import { type Failure, Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    queries: { type: "string" },
    processes: { type: "string", default: "1" },
    seed: { type: "string" },
    server: { type: "string" },
    collation: { type: "string" },
    engine: { type: "string", default: fileURLToPath(new URL("../../src/index.ts", import.meta.url)) },
    // The bare driver in the place of the engine; of `--plans`, one that plans queries in other ways.
    direct: { type: "boolean", default: false },
    plans: { type: "boolean", default: false },
    failures: { type: "string", default: "20" },
    shrink: { type: "string", default: "30" },
    write: { type: "boolean", default: false },
    related: { type: "string" },
    weights: { type: "string", default: "" },
    pairs: { type: "boolean", default: false },
    // One JSON object per difference instead of progress and summary.
    json: { type: "boolean", default: false },
    // Of a run of several processes: messages for the first one.
    child: { type: "boolean", default: false },
  },
});

const seed = Number(values.seed ?? process.env.SQLMEM_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const processes = Number(values.processes);
const queries = values.queries === undefined ? Number.POSITIVE_INFINITY : Number(values.queries);
// Without either limit: a minute.
const minutes =
  values.minutes === undefined ? (values.queries === undefined ? 1 : Number.POSITIVE_INFINITY) : Number(values.minutes);
await using running = await serversOfThisRun();
const chosen = running.servers.filter(({ name }) => values.server === undefined || name.includes(values.server));
if (chosen.length === 0)
  throw new Error(`--server ${values.server}: have ${running.servers.map(({ name }) => name).join(", ")}`);

let failures = 0;
for (const server of chosen) failures += await (processes > 1 ? fuzzTogether(server) : fuzz(server));
process.exitCode = failures > 0 ? 1 : 0;

async function fuzz(server: TestServer): Promise<number> {
  const startedAt = Date.now();
  if (!values.child) process.stdout.write(`${server.name}: SQLMEM_FUZZ_SEED=${seed}\n`);
  const options: CampaignOptions = {
    server,
    factory:
      values.direct || values.plans
        ? directFactory(undefined, values.plans ? OTHER_PLANS : "")
        : await engineFactory(values.engine),
    seed,
    maxQueries: queries,
    maxMs: (minutes * 60_000) / chosen.length,
    maxFailures: Number(values.failures),
    shrinkMs: Number(values.shrink) * 1000,
    weights: Weights.parse(values.weights),
    onProgress: (tally) => {
      if (values.child) send({ kind: "progress", queries: tally.queries, failures: tally.failures.length });
      else if (!values.json) process.stdout.write(`  ${progressLine(tally, startedAt)}\n`);
    },
    onFailure: (failure) => {
      const { after, sql, difference } = failure;
      if (values.child) send({ kind: "failure", text: failureText(failure) });
      else if (values.json) process.stdout.write(`${JSON.stringify({ after, sql, ...difference })}\n`);
      else process.stdout.write(`\n${failureText(failure)}\n\n`);
      void keep(failure);
    },
    ...(values.related === undefined ? {} : { related: Number(values.related) }),
    ...(values.collation === undefined ? {} : { collations: [values.collation as TestCollation] }),
  };
  const tally = await campaign(options);
  if (values.child) send({ kind: "tally", tally: tally.toJSON(), failures: tally.failures.length });
  else report(tally, startedAt, tally.failures.length);
  return tally.failures.length;
}

/** The same over several processes, each with a seed of its own. */
async function fuzzTogether(server: TestServer): Promise<number> {
  const startedAt = Date.now();
  process.stdout.write(`${server.name}: SQLMEM_FUZZ_SEED=${seed}, ${processes} processes\n`);
  const total = new Tally();
  const states = Array.from({ length: processes }, () => ({ queries: 0, failures: 0 }));
  const sum = (name: "queries" | "failures") => states.reduce((all, state) => all + state[name], 0);
  let shownAt = 0;
  await Promise.all(
    states.map(async (state, index) => {
      await runChild(childArguments(server, index), (message) => {
        if (message.kind === "failure") process.stdout.write(`\n${message.text}\n\n`);
        else if (message.kind === "tally") {
          total.merge(message.tally);
          state.failures = message.failures;
        } else {
          Object.assign(state, { queries: message.queries, failures: message.failures });
          if (Date.now() < shownAt + 5000) return;
          shownAt = Date.now();
          const rate = Math.round(sum("queries") / ((Date.now() - startedAt) / 60_000));
          process.stdout.write(`  ${sum("queries")} queries (${rate}/min), ${sum("failures")} differences\n`);
        }
      });
    }),
  );
  report(total, startedAt, sum("failures"));
  return sum("failures");
}

function childArguments(server: TestServer, index: number): string[] {
  const share = queries === Number.POSITIVE_INFINITY ? [] : ["--queries", String(Math.ceil(queries / processes))];
  const time = minutes === Number.POSITIVE_INFINITY ? [] : ["--minutes", String(minutes / chosen.length)];
  const same = ["collation", "related"] as const;
  return [
    ...["--child", "--seed", String(seed + index), "--server", server.name, "--engine", values.engine],
    ...["--failures", values.failures, "--shrink", values.shrink, "--weights", values.weights],
    ...same.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]])),
    ...(["direct", "plans", "write"] as const).flatMap((name) => (values[name] ? [`--${name}`] : [])),
    ...share,
    ...time,
  ];
}

function send(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function report(tally: Tally, startedAt: number, differences: number): void {
  const text = values.json ? progressLine(tally, startedAt, differences) : summary(tally, startedAt, differences);
  process.stdout.write(`${text}\n${values.pairs ? `${pairLines(tally)}\n` : ""}`);
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
