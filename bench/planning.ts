import pg from "pg";
import type { Description } from "../src/dialects/dialect.ts";
import { openOrigin } from "../src/dialects/postgres/connect.ts";
import { postgres } from "../src/dialects/postgres/dialect.ts";
import { Pace } from "../src/execute/pace.ts";
import { type Decision, Planner, type PlannerOrigin } from "../src/plan/planner.ts";
import type { Bench } from "./bench.ts";
import { randomNumbers } from "./dataset.ts";
import { atMost, milliseconds, type Section } from "./report.ts";
import { runRounds, synchronous } from "./rounds.ts";

/** Shapes as programs send them, from a look-up to a tree of JSON. */
const SHAPES: Readonly<Record<string, string>> = {
  "by primary key": "SELECT id, customer_id, email, status FROM orders WHERE id = $1",
  wildcard: "SELECT o.* FROM orders AS o WHERE o.customer_id = $1 ORDER BY o.id DESC LIMIT 10",
  "IN list": "SELECT id, name FROM customers WHERE id IN ($1, $2, $3, $4, $5, $6, $7, $8)",
  "1:n join": "SELECT c.*, o.* FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id WHERE c.id = $1",
  "join and GROUP BY":
    "SELECT c.city, count(*), sum(o.total), avg(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city ORDER BY 2 DESC",
  EXISTS:
    "SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'new') AND c.city = $1",
  "count of a subquery": "SELECT count(*) FROM (SELECT o.id FROM orders o WHERE o.status = $1) AS page",
  WITH: "WITH big AS (SELECT customer_id, sum(total) AS s FROM orders GROUP BY customer_id) SELECT c.name, b.s FROM customers c JOIN big b ON b.customer_id = c.id WHERE b.s > 100 ORDER BY b.s DESC LIMIT 5",
  window:
    "SELECT * FROM (SELECT id, customer_id, row_number() OVER (PARTITION BY customer_id ORDER BY placed_at DESC) AS n FROM orders) x WHERE x.n <= 3",
  "LATERAL and JSON":
    "SELECT c.id, c.name, o.data FROM customers c LEFT JOIN LATERAL (SELECT coalesce(json_agg(json_build_array(x.id, x.total, x.status)), '[]') AS data FROM (SELECT * FROM orders p WHERE p.customer_id = c.id ORDER BY p.id) x) o ON true WHERE c.id = $1",
};

const ROUNDS = 200;

type Origin = ReturnType<typeof openOrigin>;

/** What it costs to plan a shape that was never seen: tokens, tree, names, types, SQLite text; without the origin's own answer. */
export async function measurePlanning(bench: Bench): Promise<readonly Section[]> {
  const pool = new pg.Pool({ connectionString: bench.database.url });
  const origin = openOrigin(pool);
  try {
    await Promise.all([origin.ready(), postgres.ready()]);
    const medians: { readonly name: string; readonly median: number }[] = [];
    for (const [name, sql] of Object.entries(SHAPES)) {
      medians.push({ name, median: await medianOf(sql, prepared(origin, await origin.describe(sql)), bench.effort) });
    }
    const sorted = medians.map(({ median }) => median).sort((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
    const section: Section = {
      title: "Planning a new shape, without the round trip of Describe",
      measurements: [...medians, { name: "median of the shapes", median: middle }].map(({ name, median }) => ({
        name,
        quantities: { "per shape": milliseconds(median) },
      })),
      notes: [],
      targets: [atMost("planning a new shape", middle, 1, "ms")],
    };
    return [section, await measureRecognition(origin, bench)];
  } finally {
    await origin.close();
    await pool.end();
  }
}

const KNOWN = "a known text: one look-up";
const OF_SHAPE = "a new text of a known shape: its tokens, its shape, its literals";

/** What it adds to a call to find the plan of its text. The text is put together for each call, as programs do it. */
async function measureRecognition(origin: Origin, bench: Bench): Promise<Section> {
  // One each: so many new texts would push out the known ones.
  const [known, recalling] = [new Planner(postgres), new Planner(postgres)];
  const ids = randomNumbers(1000, bench.rows);
  const textOf = (index: number): string =>
    `SELECT id, customer_id, email, status FROM orders WHERE id = ${ids[index % ids.length]}`;
  const asker = prepared(origin, await origin.describe(textOf(0)));
  for (const index of ids.keys()) await known.decide(textOf(index), asker);
  await recalling.decide(textOf(0), asker);
  const check = (decision: Decision | undefined): void => {
    if (decision?.kind !== "prepared") throw new Error("not recognised");
  };
  const rounds = await runRounds(
    [
      synchronous(KNOWN, (index) => check(known.known(textOf(index)))),
      // Another blank each time: as different as another literal would make it, and never seen.
      synchronous(OF_SHAPE, (index) => check(recalling.recall(`${textOf(index)} -- ${index}`))),
    ],
    { turnMs: 10 * bench.effort, rounds: Math.ceil(31 * bench.effort) },
  );
  return {
    title: "Recognising a statement, without running it",
    measurements: rounds.names.map((name) => ({
      name,
      quantities: { "per call": milliseconds(rounds.milliseconds(name)) },
    })),
    targets: [
      atMost("recognising a known text", rounds.milliseconds(KNOWN) * 1000, 1, "µs"),
      atMost("recognising a new text of a known shape", rounds.milliseconds(OF_SHAPE) * 1000, 15, "µs"),
    ],
  };
}

async function medianOf(sql: string, origin: PlannerOrigin, effort: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS * effort + 5; round++) {
    const planner = new Planner(postgres);
    const started = performance.now();
    const decision = await planner.decide(sql, origin);
    times.push(performance.now() - started);
    if (decision.kind !== "prepared") throw new Error(`no plan for ${sql}`);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}

/** Answers from what the origin said before; makes no execution. */
function prepared(origin: Origin, description: Description): PlannerOrigin {
  return {
    catalog: origin.catalog,
    typeSystem: origin.typeSystem,
    needsText: (type) => origin.needsText(type),
    describe: async () => description,
    overloads: async () => [],
    createEntry: (plan, shape, { parameterTypes, fields }) => ({
      plan,
      shape,
      binders: [],
      parameterCount: parameterTypes.length,
      parameterTypes,
      fields,
      uses: [],
      execution: null,
      rejection: null,
      pace: new Pace(),
      indexing: null,
    }),
  };
}
