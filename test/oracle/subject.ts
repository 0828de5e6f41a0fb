import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { anatomyOf, type Executed } from "./answer.ts";
import { type View, WIRE_TYPES } from "./canonical.ts";

/** Which engine answers: the parsers of its pool and its mode. */
export interface SubjectKind {
  readonly view: View;
  readonly strict: boolean;
  /** The driver's own `query`, of a pool that the engine is attached to. */
  readonly attached?: boolean;
}

export const SUBJECT_KINDS: readonly SubjectKind[] = [
  { view: "wire", strict: false },
  { view: "plain", strict: false },
  { view: "wire", strict: true },
  { view: "wire", strict: false, attached: true },
];

export function kindName(kind: SubjectKind): string {
  return `${kind.attached ? "attached" : kind.strict ? "strict" : "transparent"}/${kind.view}`;
}

/** The side under test. */
export interface Subject {
  readonly kind: SubjectKind;
  execute(sql: string, params: readonly unknown[] | null): Promise<Executed>;
  /** Outcome of the last `execute`, where the subject can tell. */
  lastOutcome(): "hit" | "miss" | "bypass" | null;
  /** Why the last statement was not answered from the cache, if it was not. */
  lastReason(): string;
  /** The particulars of why the cache would not answer, without names and numbers; `null` where the subject cannot tell. */
  explain(sql: string, params: readonly unknown[] | null): Promise<string | null>;
  /** `null`: all tables. */
  invalidate(table: string | null): Promise<void>;
  /** Waits until an index that is being built in the background is there, so many milliseconds at most. */
  settled(patienceMs: number): Promise<void>;
  /** Faults that the subject reported since the last call: an answer from the origin must not hide them. */
  takeFaults(): readonly unknown[];
  close(): Promise<void>;
}

export type SubjectFactory = (url: string, session: string, kind: SubjectKind) => Promise<Subject>;

/** What the harness needs of the public API. */
interface Engine {
  execute(sql: string, params?: readonly unknown[]): Promise<unknown[]>;
  stats(): Counters;
  explain(sql: string, params?: readonly unknown[]): Promise<Explained>;
  attach(pool: pg.Pool): unknown;
  invalidate(table?: string): Promise<void>;
  close(): Promise<void>;
}

interface Explained {
  readonly outcome: string;
  readonly reason: string | null;
  readonly detail: string | null;
}

interface Counters {
  readonly hits: number;
  readonly misses: number;
  readonly bypassesByReason: Readonly<Record<string, number>>;
  readonly tables: readonly { readonly indexes: readonly string[] }[];
}

interface EngineModule {
  readonly CachingEngine: new (pool: pg.Pool, options: Readonly<Record<string, unknown>>) => Engine;
}

/** Subjects from the module at `path`: the sources of this repository, or a changed copy of them. */
export async function engineFactory(path: string): Promise<SubjectFactory> {
  const module = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as EngineModule;
  return async (url, session, kind) => {
    const pool = openPool(url, session, kind.view);
    const faults: unknown[] = [];
    const engine = new module.CachingEngine(pool, {
      mode: kind.strict ? "strict" : "transparent",
      cacheDb: false,
      envFile: false,
      onError: (error: unknown) => faults.push(error),
    });
    if (kind.attached === true) engine.attach(pool);
    return new EngineSubject(engine, pool, kind, faults);
  };
}

function openPool(url: string, session: string, view: View): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    options: session,
    max: 3,
    ...(view === "wire" ? { types: WIRE_TYPES } : {}),
  });
  pool.on("error", () => {});
  return pool;
}

class EngineSubject implements Subject {
  readonly kind: SubjectKind;
  readonly #engine: Engine;
  readonly #pool: pg.Pool;
  readonly #faults: unknown[];
  #last: "hit" | "miss" | "bypass" | null = null;
  #indexesBefore = 0;
  #reason = "";
  #calls = 0;

  constructor(engine: Engine, pool: pg.Pool, kind: SubjectKind, faults: unknown[]) {
    this.#engine = engine;
    this.#pool = pool;
    this.#faults = faults;
    this.kind = kind;
  }

  async execute(sql: string, params: readonly unknown[] | null): Promise<Executed> {
    // An attached pool fetches behind its calls: this call fetches before the one that is judged.
    if (this.kind.attached === true) await this.#fetch(sql, params);
    const before = this.#engine.stats();
    this.#indexesBefore = indexCount(before);
    try {
      if (this.kind.attached === true) return await callPool(this.#pool, sql, params, this.#calls++);
      const rows = await (params === null ? this.#engine.execute(sql) : this.#engine.execute(sql, params));
      return { rows, arrays: false, anatomy: null };
    } finally {
      const after = this.#engine.stats();
      this.#last = after.hits > before.hits ? "hit" : after.misses > before.misses ? "miss" : "bypass";
      const counted = Object.entries(after.bypassesByReason);
      this.#reason =
        counted.find(([reason, count]) => count > (before.bypassesByReason[reason] ?? 0))?.[0] ?? "uncounted";
    }
  }

  /** Writes and errors are the judged call's own. */
  async #fetch(sql: string, params: readonly unknown[] | null): Promise<void> {
    const explanation = await this.#engine.explain(sql, params ?? undefined).catch(() => null);
    if (explanation?.outcome === "miss") await this.#engine.execute(sql, params ?? undefined).catch(() => {});
  }

  lastOutcome(): "hit" | "miss" | "bypass" | null {
    return this.#last;
  }

  lastReason(): string {
    return this.#reason;
  }

  async explain(sql: string, params: readonly unknown[] | null): Promise<string | null> {
    const { reason, detail } = await this.#engine.explain(sql, params ?? undefined);
    return reason === null ? null : `${reason}: ${withoutNames(detail ?? "")}`;
  }

  async invalidate(table: string | null): Promise<void> {
    await inTime("invalidate()", table === null ? this.#engine.invalidate() : this.#engine.invalidate(table));
  }

  async settled(patienceMs: number): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while (indexCount(this.#engine.stats()) <= this.#indexesBefore && Date.now() < deadline) await sleep(4);
  }

  takeFaults(): readonly unknown[] {
    return this.#faults.splice(0);
  }

  async close(): Promise<void> {
    await inTime("close()", this.#engine.close());
    if (!this.#pool.ended && !this.#pool.ending) await this.#pool.end();
  }
}

/** Equal for statements that differ in names and constants only. */
function withoutNames(detail: string): string {
  return detail
    .replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'/g, "…")
    .replace(/\d+/g, "0")
    .slice(0, 90);
}

function indexCount({ tables }: Counters): number {
  return tables.reduce((sum, { indexes }) => sum + indexes.length, 0);
}

/** A call that never returns must end the run with its name, not hold it up. */
async function inTime(what: string, call: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not return in 30 s`)), 30_000);
  try {
    await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One of the forms that `query` takes, in turn. */
async function callPool(
  pool: pg.Pool,
  sql: string,
  params: readonly unknown[] | null,
  turn: number,
): Promise<Executed> {
  const values = params === null ? undefined : [...params];
  const config: pg.QueryConfig = { text: sql, ...(values === undefined ? {} : { values }) };
  const form = CALL_FORMS[turn % CALL_FORMS.length] ?? "config";
  const arrays = form === "arrays";
  const result = await callIn(form, pool, config);
  return { rows: result.rows, arrays, anatomy: anatomyOf(result) };
}

async function callIn(form: CallForm, pool: pg.Pool, config: pg.QueryConfig): Promise<pg.QueryResult> {
  switch (form) {
    case "text":
      return await pool.query(config.text, config.values);
    case "arrays":
      return await pool.query<unknown[]>({ ...config, rowMode: "array" });
    case "config":
      return await pool.query(config);
    case "callback":
      return await new Promise((resolve, reject) => {
        void pool.query(config, (error: Error | undefined, answer: pg.QueryResult) =>
          error ? reject(error) : resolve(answer),
        );
      });
  }
}

type CallForm = (typeof CALL_FORMS)[number];

const CALL_FORMS = ["text", "arrays", "config", "arrays", "callback"] as const;

/** How a subject that only passes on spoils its rows; the harness must notice. */
export type Perturbation = (rows: readonly Record<string, unknown>[], sql: string) => readonly unknown[];

/** Settings under which the origin finds the same rows in another way, and so in another order where none is asked for. */
export const OTHER_PLANS = "-c enable_hashjoin=off -c enable_hashagg=off -c enable_seqscan=off -c enable_material=off";

/**
 * The bare driver in the place of the engine: for tests of the harness itself.
 *
 * @param settings more options of its connections
 */
export function directFactory(perturb: Perturbation = (rows) => rows, settings = ""): SubjectFactory {
  return async (url, session, kind) => {
    const pool = openPool(url, `${session} ${settings}`.trim(), kind.view);
    return {
      kind,
      execute: async (sql, params) => {
        const result = await (params === null ? pool.query(sql) : pool.query(sql, [...params]));
        const anatomy = kind.attached === true ? anatomyOf(result) : null;
        return { rows: perturb(result.rows, sql), arrays: false, anatomy };
      },
      lastOutcome: () => null,
      lastReason: () => "bare driver",
      explain: async () => null,
      invalidate: async () => {},
      settled: async () => {},
      takeFaults: () => [],
      close: async () => await pool.end(),
    };
  };
}
