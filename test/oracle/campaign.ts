import type { TestServer } from "../support/postgres.ts";
import { collationAvailable, createDatabase, type TestCollation, type TestDatabase } from "../support/postgres.ts";
import { Batch, describeFinding, type Finding } from "./batch.ts";
import { Origin } from "./origin.ts";
import { Random } from "./random.ts";
import { RelatedBatch } from "./relational/related-batch.ts";
import { relatedSchema } from "./relational/related-schema.ts";
import { shrinkTree } from "./relational/shrink-tree.ts";
import { Weights } from "./relational/weights.ts";
import { RESET_STATEMENTS, randomSchema, type Schema, setupStatements } from "./schema.ts";
import { type Shrunk, shrink } from "./shrink.ts";
import { kindName, SUBJECT_KINDS, type Subject, type SubjectFactory, type SubjectKind } from "./subject.ts";
import { type Failure, Tally } from "./tally.ts";

export interface CampaignOptions {
  readonly server: TestServer;
  readonly factory: SubjectFactory;
  readonly seed: number;
  /** Ends after so many queries or milliseconds, whatever comes first. */
  readonly maxQueries: number;
  readonly maxMs: number;
  /** @default all that the server has */
  readonly collations?: readonly TestCollation[];
  /** Ends at this number of failures. @default 1 */
  readonly maxFailures?: number;
  /** Time for making each failure small; 0 leaves it as found. @default 0 */
  readonly shrinkMs?: number;
  /** Queries over one schema. @default 500, of the grammar 2,000 */
  readonly batchQueries?: number;
  /** The share of batches that the grammar of several tables makes. @default 0.7 */
  readonly related?: number;
  readonly weights?: Weights;
  readonly changes?: boolean;
  readonly onProgress?: (tally: Tally) => void;
  readonly onFailure?: (failure: Failure) => void;
}

const COLLATIONS: readonly TestCollation[] = ["en_US", "C", "icu", "de_DE", "tr_TR"];

/** Settings of the sessions on both sides that change what the wire shows. The plain one most often. */
const SESSIONS = [
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "-c TimeZone=Europe/Amsterdam",
  "-c TimeZone=America/New_York",
  "-c TimeZone=Asia/Kathmandu",
  "-c DateStyle=German",
  "-c DateStyle=SQL,DMY",
  "-c IntervalStyle=iso_8601",
  "-c extra_float_digits=0",
  "-c bytea_output=escape",
  "-c transform_null_equals=on",
  "-c standard_conforming_strings=off",
];

/** Batches over ever new schemas until the queries, the time or the patience with failures are used up. */
export async function campaign(options: CampaignOptions): Promise<Tally> {
  const tally = new Tally();
  const deadline = Date.now() + options.maxMs;
  const over = () =>
    tally.queries >= options.maxQueries || Date.now() > deadline || tally.failures.length >= (options.maxFailures ?? 1);
  const collations = (options.collations ?? COLLATIONS).filter((collation) =>
    collationAvailable(options.server, collation),
  );
  const databases = new Map<TestCollation, TestDatabase>();
  const random = new Random(options.seed);
  try {
    for (let index = 0; !over(); index++) {
      const collation = collations[index % collations.length] ?? "C";
      const database = databases.get(collation) ?? (await createDatabase(options.server, { collation }));
      databases.set(collation, database);
      const related = random.chance(options.related ?? 0.7);
      await runBatch(random.seed(), collation, database, { options, tally, over, related });
      tally.batches++;
      options.onProgress?.(tally);
    }
  } finally {
    for (const database of databases.values()) await database.drop();
  }
  return tally;
}

interface Run {
  readonly options: CampaignOptions;
  readonly tally: Tally;
  readonly over: () => boolean;
  readonly related: boolean;
}

async function runBatch(batchSeed: number, collation: TestCollation, database: TestDatabase, run: Run): Promise<void> {
  const { options, tally } = run;
  const random = new Random(batchSeed);
  // Compiling a plan takes longer than these queries do; one that never ends must not hold up the run.
  const sessions = run.related ? SESSIONS.filter((settings) => !settings.includes("conforming")) : SESSIONS;
  const session = `${random.pick(sessions)} -c jit=off -c statement_timeout=4000`.trim();
  const icu = options.server.collations.includes("icu");
  const schema = run.related
    ? relatedSchema(random.seed(), {
        icu,
        locales: (["de_DE", "tr_TR"] as const).filter((name) => options.server.collations.includes(name)),
      })
    : randomSchema(random.seed(), { tables: random.int(1, 3), icu, maxRows: 6000 });
  const origin = await Origin.open(database.url, session);
  const subjects: Subject[] = [];
  const findings: Finding[] = [];
  try {
    for (const sql of [...RESET_STATEMENTS, ...setupStatements(schema)]) await database.query(sql);
    const kinds = run.related ? someKinds(random) : SUBJECT_KINDS;
    for (const kind of kinds) subjects.push(await options.factory(database.url, session, kind));
    const room = (options.maxFailures ?? 1) - tally.failures.length;
    const batch = {
      seed: random.seed(),
      schema,
      origin,
      subjects,
      queries: options.batchQueries ?? (run.related ? 2000 : 500),
      tally,
      changes: options.changes ?? true,
      onFinding: (finding: Finding) => findings.push(finding),
      over: () => run.over() || findings.length >= Math.min(room, 5),
    };
    if (run.related) await new RelatedBatch({ ...batch, weights: options.weights ?? new Weights() }).run();
    else await new Batch(batch).run();
    for (const subject of subjects.splice(0)) await subject.close();
    await origin.close();
    for (const finding of findings) {
      const shrunk = await shrunkOf(finding, { schema, session, collation, options });
      const { statement, subject, difference } = finding;
      const failure: Failure = {
        ...statement,
        subject: kindName(subject.kind),
        difference,
        batchSeed,
        after: finding.after,
        shrunk,
      };
      tally.failures.push(failure);
      options.onFailure?.(failure);
    }
  } finally {
    for (const subject of subjects) await subject.close();
    if (findings.length === 0) await origin.close().catch(() => {});
  }
}

/** Each engine loads its own tables: two a schema are enough, over many schemas. */
function someKinds(random: Random): readonly SubjectKind[] {
  const [wire, plain, strict, attached] = SUBJECT_KINDS;
  const first = random.pick([wire, plain]);
  const second = random.weighted({ attached: 6, strict: 1.5, plain: 1 });
  return [first, { attached, strict, plain }[second]].filter((kind) => kind !== undefined);
}

interface Circumstances {
  readonly schema: Schema;
  readonly session: string;
  readonly collation: TestCollation;
  readonly options: CampaignOptions;
}

async function shrunkOf(
  finding: Finding,
  { schema, session, collation, options }: Circumstances,
): Promise<Shrunk | null> {
  const budgetMs = options.shrinkMs ?? 0;
  if (budgetMs === 0) return null;
  const { generated, tree, history, subject } = finding;
  const found = { schema, collation, session, kind: subject.kind, note: describeFinding(finding), history };
  await using database = await createDatabase(options.server, { collation });
  const how = { url: database.url, factory: options.factory, budgetMs };
  if (tree !== undefined) return await shrinkTree({ ...found, tree }, how);
  return generated === null ? null : await shrink({ ...found, table: generated.table, generated }, how);
}
