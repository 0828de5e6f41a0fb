import type { TestServer } from "../support/postgres.ts";
import { collationAvailable, createDatabase, type TestCollation, type TestDatabase } from "../support/postgres.ts";
import { Batch, describeFinding, type Finding } from "./batch.ts";
import { Origin } from "./origin.ts";
import { Random } from "./random.ts";
import { RESET_STATEMENTS, randomSchema, type Schema, setupStatements } from "./schema.ts";
import { type Shrunk, shrink } from "./shrink.ts";
import { kindName, SUBJECT_KINDS, type Subject, type SubjectFactory } from "./subject.ts";
import { type Failure, Tally } from "./tally.ts";

export interface CampaignOptions {
  readonly server: TestServer;
  readonly factory: SubjectFactory;
  readonly seed: number;
  /** Ends after so many queries or milliseconds, whatever comes first. */
  readonly maxQueries: number;
  readonly maxMs: number;
  /** @default all that the server has of C, en_US, icu and tr_TR */
  readonly collations?: readonly TestCollation[];
  /** Ends at this number of failures. @default 1 */
  readonly maxFailures?: number;
  /** Time for making each failure small; 0 leaves it as found. @default 0 */
  readonly shrinkMs?: number;
  readonly batchQueries?: number;
  readonly changes?: boolean;
  readonly onProgress?: (tally: Tally) => void;
  readonly onFailure?: (failure: Failure) => void;
}

const COLLATIONS: readonly TestCollation[] = ["en_US", "C", "icu", "tr_TR"];

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
      await runBatch(random.seed(), collation, database, { options, tally, over });
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
}

async function runBatch(batchSeed: number, collation: TestCollation, database: TestDatabase, run: Run): Promise<void> {
  const { options, tally } = run;
  const random = new Random(batchSeed);
  const session = random.pick(SESSIONS);
  const schema = randomSchema(random.seed(), {
    tables: random.int(1, 3),
    icu: options.server.collations.includes("icu"),
    maxRows: 6000,
  });
  const origin = await Origin.open(database.url, session);
  const subjects: Subject[] = [];
  const findings: Finding[] = [];
  try {
    for (const sql of [...RESET_STATEMENTS, ...setupStatements(schema)]) await database.query(sql);
    for (const kind of SUBJECT_KINDS) subjects.push(await options.factory(database.url, session, kind));
    const room = (options.maxFailures ?? 1) - tally.failures.length;
    const batch = new Batch({
      seed: random.seed(),
      schema,
      origin,
      subjects,
      queries: options.batchQueries ?? 500,
      tally,
      changes: options.changes ?? true,
      onFinding: (finding) => findings.push(finding),
      over: () => run.over() || findings.length >= Math.min(room, 5),
    });
    await batch.run();
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
  if (budgetMs === 0 || finding.generated === null) return null;
  await using database = await createDatabase(options.server, { collation });
  return await shrink(
    {
      schema,
      table: finding.generated.table,
      generated: finding.generated,
      collation,
      session,
      kind: finding.subject.kind,
      note: describeFinding(finding),
      history: finding.history,
    },
    { url: database.url, factory: options.factory, budgetMs },
  );
}
