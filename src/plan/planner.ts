import type { Catalog, CatalogRefusal, Table, TypeSystem } from "../catalog.ts";
import type { Description, Dialect } from "../dialects/dialect.ts";
import { GenerationalCache } from "../generational-cache.ts";
import { type Bypass, bypass } from "../outcome.ts";
import type { QualifiedName } from "../parse/ast.ts";
import { type Fingerprint, fingerprint } from "../parse/fingerprint.ts";
import type { Statement } from "../parse/statement.ts";
import type { Surroundings } from "./analysis.ts";
import { namedTables } from "./named-tables.ts";
import type { Plan } from "./plan.ts";
import { planStatement } from "./plan-statement.ts";
import { type PlanEntry, Prepared } from "./prepared.ts";

/** A text that is no query of the language, or a query that no plan answers exactly. */
interface Refused {
  readonly kind: "refused";
  readonly statement: Statement;
  readonly bypass: Bypass;
  /** Its tables, if they are known; a change of one of them makes it worth another try. */
  readonly tableIds: readonly string[] | null;
}

/** A text that is no read, or no SQL. */
interface NotAQuery {
  readonly kind: "other";
  readonly statement: Exclude<Statement, { readonly kind: "query" | "read" }>;
}

export type Decision = Prepared | Refused | NotAQuery;

/** What planning asks the origin for. */
export interface PlannerOrigin {
  readonly catalog: Catalog;
  readonly typeSystem: TypeSystem;
  needsText: Surroundings["needsText"];
  describe(sql: string): Promise<Description>;
  /** Those of the functions that may be a user's own, though a built-in one has the name, too. */
  overloads(names: readonly QualifiedName[]): Promise<readonly string[]>;
  createEntry(plan: Plan, shape: string, description: Description): PlanEntry;
}

const TEXTS = 5000;
const SHAPES = 1000;
/** Longer texts that are no queries are read each time: remembering what a program once inserted would fill the memory. */
const LONGEST_TEXT = 4096;
const NO_LITERALS: Fingerprint = { shape: "", literals: [] };

/** What the planner remembers of a shape: which of its literals decide about the plan, or why it has none. */
type Shape = { readonly kind: "planned"; readonly pinned: Set<number> } | Refused | NotAQuery;

/**
 * From text to plan. Knows exact texts by one look-up, texts that differ in their constants by their shape, and asks
 * the origin once for everything else.
 */
export class Planner {
  readonly #dialect: Dialect;
  readonly #texts = new GenerationalCache<Decision>(TEXTS);
  readonly #shapes = new GenerationalCache<Shape>(SHAPES);
  readonly #plans = new GenerationalCache<PlanEntry>(SHAPES);
  readonly #pending = new Map<string, Promise<Decision>>();
  /** By shape (by the text itself where it has none): why it is left to the origin, and the tables that it read then. */
  readonly #quarantined = new Map<string, { readonly detail: string; readonly tables: readonly Table[] }>();
  #epoch = 0;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  /** The decision on a text that was seen before. */
  known(sql: string): Decision | undefined {
    return this.#texts.get(sql);
  }

  /** What is known of a text without asking anyone: by the text itself, else by its shape. */
  recall(sql: string): Decision | undefined {
    const known = this.#texts.get(sql);
    if (known !== undefined) return known;
    const tokens = this.#dialect.tokenize(sql);
    const decision = tokens === null ? null : this.#decisionOfShape(sql, fingerprint(tokens));
    if (decision === null) return undefined;
    if (isWorthRemembering(sql, decision)) this.#texts.set(sql, decision);
    return decision;
  }

  /** What a text is, asking no one; `null` for one that a plan answers. The parser must be loaded. */
  statementOf(sql: string): Statement | null {
    const known = this.recall(sql);
    if (known !== undefined) return known.kind === "prepared" ? null : known.statement;
    const tokens = this.#dialect.tokenize(sql);
    const statement = this.#dialect.parse(sql, tokens ?? []);
    const decision = decisionWithoutPlan(statement);
    if (decision === null) return statement;
    if (tokens !== null) this.#remember(sql, fingerprint(tokens), decision);
    else if (isWorthRemembering(sql, decision)) this.#texts.set(sql, decision);
    return statement;
  }

  /** Decides on a text. Rejects with the origin's error for a statement that it does not accept. */
  async decide(sql: string, origin: PlannerOrigin): Promise<Decision> {
    const known = this.#texts.get(sql) ?? this.#pending.get(sql);
    if (known !== undefined) return known;
    const pending = this.#decide(sql, origin);
    this.#pending.set(sql, pending);
    try {
      return await pending;
    } finally {
      if (this.#pending.get(sql) === pending) this.#pending.delete(sql);
    }
  }

  /**
   * Leaves all texts of a shape to the origin (`quarantined`) until one of its tables is defined anew, or `release`. That
   * rows are declared wrong does not end it.
   */
  quarantine({ sql, entry: { shape, plan } }: Prepared, detail: string): void {
    this.#quarantined.set(shape || sql, { detail, tables: plan.tables.map(({ table }) => table) });
    this.#epoch += 1;
    this.#pending.clear();
    const isOf = (text: string, entry: PlanEntry): boolean => (shape === "" ? text === sql : entry.shape === shape);
    this.#shapes.delete(shape);
    this.#plans.deleteWhere((entry) => entry.shape === shape);
    this.#texts.deleteWhere((decision) => decision.kind === "prepared" && isOf(decision.sql, decision.entry));
  }

  /** Ends all quarantines. */
  release(): void {
    this.#quarantined.clear();
    this.forget("all");
  }

  /** Forgets plans and refusals over these tables (ids), or everything. */
  forget(tableIds: readonly string[] | "all"): void {
    this.#epoch += 1;
    this.#pending.clear();
    if (tableIds === "all") {
      this.#texts.clear();
      this.#plans.clear();
      this.#shapes.clear();
      return;
    }
    const ids = new Set(tableIds);
    this.#plans.deleteWhere(({ plan }) => reads(plan, ids));
    this.#shapes.deleteWhere((shape) => shape.kind === "refused" && concerns(shape, ids));
    this.#texts.deleteWhere((decision) =>
      decision.kind === "prepared"
        ? reads(decision.entry.plan, ids)
        : decision.kind === "refused" && concerns(decision, ids),
    );
  }

  /** Forgets plans over tables of this name, in any schema: the name may mean another table now. */
  forgetNamed(table: string): void {
    this.#epoch += 1;
    this.#pending.clear();
    const names = ({ tables }: Plan): boolean => tables.some((planned) => planned.table.name === table);
    this.#plans.deleteWhere(({ plan }) => names(plan));
    this.#shapes.deleteWhere((shape) => shape.kind === "refused");
    this.#texts.deleteWhere((decision) =>
      decision.kind === "prepared" ? names(decision.entry.plan) : decision.kind === "refused",
    );
  }

  async #decide(sql: string, origin: PlannerOrigin): Promise<Decision> {
    const epoch = this.#epoch;
    const tokens = this.#dialect.tokenize(sql);
    if (tokens === null) {
      const decision = await this.#plan(sql, NO_LITERALS, this.#dialect.parse(sql, []), origin);
      if (epoch === this.#epoch && isWorthRemembering(sql, decision)) this.#texts.set(sql, decision);
      return decision;
    }
    const found = fingerprint(tokens);
    const decision =
      this.#decisionOfShape(sql, found) ?? (await this.#plan(sql, found, this.#dialect.parse(sql, tokens), origin));
    if (epoch === this.#epoch) this.#remember(sql, found, decision);
    return decision;
  }

  #decisionOfShape(sql: string, found: Fingerprint): Decision | null {
    const shape = this.#shapes.get(found.shape);
    if (shape === undefined) return null;
    if (shape.kind !== "planned") return shape;
    const entry = this.#plans.get(planKey(found, [...shape.pinned]));
    return entry === undefined ? null : new Prepared(sql, entry, found.literals);
  }

  #remember(sql: string, found: Fingerprint, decision: Decision): void {
    if (!isWorthRemembering(sql, decision)) return;
    this.#texts.set(sql, decision);
    if (decision.kind !== "prepared") {
      if (decision.kind === "other" || decision.bypass.ofLiteral !== true) this.#shapes.set(found.shape, decision);
      return;
    }
    const { pinned } = decision.entry.plan;
    const shape = this.#shapes.get(found.shape);
    // Two plans of one shape can pin different slots; the union of them is a safe key for both.
    const all = shape?.kind === "planned" ? shape.pinned.union(new Set(pinned)) : new Set(pinned);
    this.#shapes.set(found.shape, { kind: "planned", pinned: all });
    this.#plans.set(planKey(found, [...all]), decision.entry);
  }

  async #plan(sql: string, found: Fingerprint, statement: Statement, origin: PlannerOrigin): Promise<Decision> {
    if (statement.kind !== "query") return decisionWithoutPlan(statement);
    const names = namedTables(statement.query);
    const [description, tables] = await allSettledInOrder(
      origin.describe(sql),
      Promise.all(names.map((name) => origin.catalog.table(name))),
    );
    const surroundings = surroundingsOf(names, tables, description, found, origin);
    const { query, pinned } = statement;
    const planned = planStatement({ query, surroundings, fields: description.fields, pinned });
    const overloads = planned.kind === "plan" ? await origin.overloads(statement.functions) : [];
    const plan =
      overloads.length > 0
        ? bypass("unsupported-function", `${overloads.join(", ")}, of which there is one of a user`)
        : planned.kind === "plan"
          ? (this.#quarantineOf(sql, found, planned) ?? planned)
          : planned;
    if (plan.kind === "bypass") {
      const known = surroundings.tables.length === names.length;
      return {
        kind: "refused",
        statement,
        bypass: plan,
        tableIds: known ? surroundings.tables.map(({ id }) => id) : null,
      };
    }
    return new Prepared(sql, origin.createEntry(plan, found.shape, description), found.literals);
  }

  #quarantineOf(sql: string, { shape }: Fingerprint, plan: Plan): Bypass | null {
    const quarantine = this.#quarantined.get(shape || sql);
    if (quarantine === undefined) return null;
    const fingerprints = new Map(plan.tables.map(({ table }) => [table.id, table.fingerprint]));
    const { tables, detail } = quarantine;
    const isSame =
      tables.length === fingerprints.size &&
      tables.every(({ id, fingerprint }) => fingerprints.get(id) === fingerprint);
    if (isSame) return bypass("quarantined", detail);
    this.#quarantined.delete(shape || sql);
    return null;
  }
}

/** The decision on a text whose tree alone decides; `null` for a query, which needs a plan. */
function decisionWithoutPlan(statement: Exclude<Statement, { kind: "query" }>): Refused | NotAQuery;
function decisionWithoutPlan(statement: Statement): Refused | NotAQuery | null;
function decisionWithoutPlan(statement: Statement): Refused | NotAQuery | null {
  if (statement.kind === "query") return null;
  if (statement.kind !== "read") return { kind: "other", statement };
  return { kind: "refused", statement, bypass: bypass(statement.reason, statement.detail), tableIds: null };
}

function isWorthRemembering(sql: string, decision: Decision): boolean {
  return decision.kind !== "other" || sql.length <= LONGEST_TEXT;
}

function surroundingsOf(
  names: readonly QualifiedName[],
  tables: readonly (Table | CatalogRefusal)[],
  description: Description,
  found: Fingerprint,
  origin: PlannerOrigin,
): Surroundings {
  const byName = new Map(names.map((name, index) => [JSON.stringify(name), tables[index]]));
  return {
    tables: tables.flatMap((table) => (isRefusal(table) ? [] : [table])),
    table: (name) => {
      const table = byName.get(JSON.stringify(name));
      if (table === undefined) return bypass("unknown-table", `${name.join(".")} was not looked up`);
      return isRefusal(table) ? bypass(table.reason, table.detail) : table;
    },
    types: origin.typeSystem,
    parameterTypes: description.parameterTypes,
    needsText: (type) => origin.needsText(type),
    literals: found.literals,
  };
}

function reads({ tables }: Plan, ids: ReadonlySet<string>): boolean {
  return tables.some(({ table }) => ids.has(table.id));
}

function concerns({ tableIds }: Refused, ids: ReadonlySet<string>): boolean {
  return tableIds === null || tableIds.some((id) => ids.has(id));
}

function planKey(found: Fingerprint, pinned: readonly number[]): string {
  if (pinned.length === 0) return found.shape;
  const values = pinned.toSorted((a, b) => a - b).map((slot) => found.literals[slot]?.value);
  return `${found.shape}\0${JSON.stringify(values)}`;
}

function isRefusal(table: Table | CatalogRefusal): table is CatalogRefusal {
  return "kind" in table;
}

/** Both at once; if both fail, the first one's error counts: what is wrong with the statement, not with its parts. */
async function allSettledInOrder<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}
