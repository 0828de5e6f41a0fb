import { constantLiteral, type ExpressionMaker } from "./generate-expression.ts";
import { randomParameter } from "./parameters.ts";
import type { Random } from "./random.ts";
import type { ColumnSpec, TableSpec } from "./schema.ts";
import type { Expression, OrderItem, Query, Target } from "./single-table.ts";
import { arrayOf, type SqlType } from "./sql-type.ts";
import { arrayItem } from "./values.ts";

type Body = Omit<Query, "from">;

/** Kinds that a key of a real program has. */
const KEY_KINDS = ["int2", "int4", "int8", "text", "varchar", "char", "uuid", "date", "timestamp", "timestamptz"];

/** Rows in a range: around what the main thread may touch, and none, one, all. */
const SPANS = [0, 1, 2, 10, 1999, 2000, 2001, 4000, 10_000];
const COUNTS = [0, 1, 2, 10, 1999, 2000, 2001, 100_000];

/**
 * Queries whose conditions an index can serve, with constants of rows that exist: where such a statement runs is decided
 * by what is proven of the index, and a wrong proof loses rows.
 */
export class KeyedMaker {
  readonly #shape: Random;
  readonly #values: Random;
  readonly #maker: ExpressionMaker;
  readonly #table: TableSpec;
  readonly #parameters: number;

  constructor(shape: Random, values: Random, table: TableSpec, maker: ExpressionMaker, parameters: number) {
    this.#shape = shape;
    this.#values = values;
    this.#table = table;
    this.#maker = maker;
    this.#parameters = parameters;
  }

  body(): Body {
    const a = this.#key();
    const b = this.#otherThan(a);
    const where = this.#condition(a, b);
    const kind = this.#shape.weighted({ rows: 7, distinct: 1.5, aggregates: 2, grouped: 2 });
    const columns = this.#shape.pick([[a], [b], [a, b], [b, this.#maker.anyColumn()]]);
    const orderBy = this.#shape.chance(0.55) ? [this.#orderItem(this.#shape.pick([a, a, b]))] : [];
    if (this.#shape.chance(0.2) && orderBy.length > 0) orderBy.push(this.#orderItem(this.#maker.anyColumn()));
    const body = { ...EMPTY, where, targets: columns.map((column) => this.#target(this.#maker.column(column))) };
    switch (kind) {
      case "rows": {
        const star = this.#shape.chance(0.08) ? [{ kind: "star", path: [] } as const] : body.targets;
        return { ...body, targets: star, orderBy, ...this.#window() };
      }
      case "distinct": {
        const shown = columns.slice(0, 1);
        return {
          ...body,
          distinct: true,
          targets: shown.map((column) => this.#target(this.#maker.column(column))),
          orderBy: this.#shape.chance(0.5) ? shown.map((column) => this.#orderItem(column)) : [],
          ...this.#window(),
        };
      }
      case "aggregates":
        return { ...body, targets: this.#aggregates(a, b), ...(this.#shape.chance(0.2) ? this.#window() : {}) };
      case "grouped": {
        const group = this.#shape.pick([a, b, this.#maker.anyColumn()]);
        const key = this.#maker.column(group);
        return {
          ...body,
          targets: [this.#target(key), ...this.#aggregates(a, b)],
          groupBy: [key],
          orderBy: this.#shape.chance(0.5) ? [this.#orderItem(group)] : [],
          ...this.#window(),
        };
      }
    }
  }

  #condition(a: ColumnSpec, b: ColumnSpec): Expression {
    const form = this.#shape.weighted({ plain: 8, both: 3, composite: 2, either: 0.5, not: 0.7 });
    switch (form) {
      case "plain":
        return this.#over(a);
      case "both":
        return { kind: "and", operands: this.#shape.shuffle([this.#over(a), this.#over(b)]) };
      case "either":
        return { kind: "or", operands: [this.#over(a), this.#over(b)] };
      case "not":
        return { kind: "not", operand: this.#over(a) };
      case "composite": {
        // Of one row mostly, so that it exists.
        const row = this.#row();
        const names = this.#table.primaryKey.length > 1 && this.#shape.chance(0.6) ? this.#table.primaryKey : null;
        const columns = names === null ? [a, b] : this.#table.columns.filter(({ name }) => names.includes(name));
        return { kind: "and", operands: columns.map((column) => this.#compared("=", column, row)) };
      }
    }
  }

  #over(column: ColumnSpec): Expression {
    const operand = this.#maker.column(column);
    const kind = this.#shape.weighted({
      equal: 4,
      or: 6,
      orOther: 0.7,
      in: 3,
      contradiction: 1,
      notBoth: 1,
      isNull: 3,
      isDistinct: 2,
      anyOf: 3,
      between: 3,
      range: 3,
      orNull: 1,
    });
    switch (kind) {
      case "equal":
        return this.#compared("=", column);
      case "or":
        return {
          kind: "or",
          operands: this.#shape.times(this.#shape.pick([2, 2, 3]), () => this.#compared("=", column)),
        };
      case "orOther":
        return {
          kind: "or",
          operands: [this.#compared("=", column), this.#compared(this.#shape.pick([">", "<"]), column)],
        };
      case "orNull":
        return {
          kind: "or",
          operands: this.#shape.shuffle<Expression>([
            this.#compared("=", column),
            { kind: "isNull", operand, negated: false },
          ]),
        };
      case "in": {
        const list = this.#shape.times(this.#shape.pick([1, 1, 2, 3, 8]), () => this.#constant(column));
        const [first] = list;
        // The same parameter or literal twice.
        if (first !== undefined && this.#shape.chance(0.4)) list.push(first);
        return { kind: "in", operand, list, negated: this.#shape.chance(0.1) };
      }
      case "contradiction":
        return { kind: "and", operands: [this.#compared("=", column), this.#compared("=", column)] };
      case "notBoth":
        return {
          kind: "not",
          operand: { kind: "and", operands: [this.#compared("<>", column), this.#compared("<>", column)] },
        };
      case "isNull":
        return { kind: "isNull", operand, negated: this.#shape.chance(0.15) };
      case "isDistinct": {
        // "IS NOT DISTINCT FROM" where negated.
        const right = this.#constant(column, null, this.#values.chance(0.3));
        return { kind: "isDistinct", left: operand, right, negated: this.#shape.chance(0.9) };
      }
      case "anyOf":
        return this.#anyOf(column);
      case "between": {
        const [low, high] = this.#bounds(column);
        return {
          kind: "between",
          operand,
          low: this.#written(column.type, low),
          high: this.#written(column.type, high),
          negated: this.#shape.chance(0.08),
        };
      }
      case "range": {
        const [low, high] = this.#bounds(column);
        const from = this.#shape.pick([">", ">="] as const);
        const to = this.#shape.pick(["<", "<="] as const);
        const parts: Expression[] = [
          { kind: "comparison", operator: from, left: operand, right: this.#written(column.type, low) },
          { kind: "comparison", operator: to, left: operand, right: this.#written(column.type, high) },
        ];
        const [first = operand] = this.#shape.shuffle(parts);
        return this.#shape.chance(0.5) ? { kind: "and", operands: parts } : first;
      }
    }
  }

  #anyOf(column: ColumnSpec): Expression {
    const operand = this.#maker.column(column);
    const count = this.#values.pick([0, 1, 1, 2, 3, 20, 1000]);
    const texts: (string | null)[] = this.#values.times(count, () => this.#cell(column));
    if (this.#values.chance(0.2)) texts.push(null);
    const [first] = texts;
    if (first !== undefined && this.#values.chance(0.3)) texts.push(first);
    const type = arrayOf(column.type).name;
    const negated = this.#shape.chance(0.08);
    if (this.#shape.chance(0.85)) {
      this.#maker.params.push(texts.map((text) => (text === null ? null : canonicalParameter(column.type, text))));
      const parameter: Expression = { kind: "parameter", number: this.#maker.params.length };
      const array: Expression = this.#shape.chance(0.4) ? { kind: "cast", operand: parameter, type } : parameter;
      return { kind: "anyOf", operand, array, negated };
    }
    const text = `{${texts.map((item) => (item === null ? "NULL" : arrayItem(item))).join(",")}}`;
    const literal = { kind: "literal", type: "string", text, negated: false } as const;
    return { kind: "anyOf", operand, array: { kind: "cast", operand: literal, type }, negated };
  }

  #compared(
    operator: "=" | "<>" | "<" | ">",
    column: ColumnSpec,
    row: TableSpec["rows"][number] | null = null,
  ): Expression {
    const [left, right] = [this.#maker.column(column), this.#constant(column, row)];
    return this.#shape.chance(0.9)
      ? { kind: "comparison", operator, left, right }
      : { kind: "comparison", operator: MIRRORED[operator], left: right, right: left };
  }

  /** A value of a row; `null` seldom, and always if wanted. */
  #constant(column: ColumnSpec, row: TableSpec["rows"][number] | null = null, wantsNull = false): Expression {
    return this.#written(column.type, wantsNull ? null : this.#cell(column, row));
  }

  #written(type: SqlType, text: string | null): Expression {
    if (this.#shape.chance(this.#parameters)) {
      const odd = this.#values.chance(0.05);
      const value =
        text === null ? null : odd ? randomParameter(this.#values, type, text) : canonicalParameter(type, text);
      this.#maker.params.push(value);
      return { kind: "parameter", number: this.#maker.params.length };
    }
    return text === null ? { kind: "null" } : constantLiteral(type, text, this.#shape.chance(0.1));
  }

  #row(): TableSpec["rows"][number] | null {
    return this.#table.rows.length === 0 ? null : this.#values.pick(this.#table.rows);
  }

  #cell(column: ColumnSpec, row: TableSpec["rows"][number] | null = this.#row()): string | null {
    const cell = (row ?? this.#row())?.[this.#table.columns.indexOf(column)] ?? null;
    if (cell !== null || this.#values.chance(0.1)) return cell;
    return this.#sorted(column)[0] ?? "1";
  }

  /** Bounds that take in about so many rows as one of `SPANS`. */
  #bounds(column: ColumnSpec): [low: string | null, high: string | null] {
    if (this.#values.chance(0.03)) return [this.#cell(column), null];
    const sorted = this.#sorted(column);
    const span = this.#values.pick(SPANS);
    const start = this.#values.int(0, Math.max(0, sorted.length - Math.max(1, span)));
    const low = sorted[start] ?? "1";
    if (span === 0) return [sorted[Math.min(start + 1, sorted.length - 1)] ?? "2", low];
    return [low, sorted[Math.min(start + span, sorted.length) - 1] ?? low];
  }

  #sorted(column: ColumnSpec): readonly string[] {
    const known = SORTED.get(column);
    if (known !== undefined) return known;
    const index = this.#table.columns.indexOf(column);
    const cells = this.#table.rows.flatMap((row) => row[index] ?? []);
    const numeric = ["int2", "int4", "int8", "numeric", "float8", "float4"].includes(column.type.kind);
    const sorted = numeric ? cells.sort((left, right) => Number(left) - Number(right)) : cells.sort();
    SORTED.set(column, sorted);
    return sorted;
  }

  #key(): ColumnSpec {
    const { columns, primaryKey } = this.#table;
    // One column often, so that an index which one statement had built serves another.
    const favourite = columns.find(({ nullable, spread }) => nullable && spread !== "random" && spread !== "few");
    if (favourite !== undefined && this.#shape.chance(0.3)) return favourite;
    const keys = columns.filter(({ name }) => primaryKey.includes(name));
    if (keys.length > 0 && this.#shape.chance(0.35)) return this.#shape.pick(keys);
    const likely = columns.filter(({ type, spread }) => spread !== "random" || KEY_KINDS.includes(type.kind));
    return likely.length > 0 && this.#shape.chance(0.9) ? this.#shape.pick(likely) : this.#maker.anyColumn();
  }

  #otherThan(a: ColumnSpec): ColumnSpec {
    const b = this.#key();
    return b === a ? this.#maker.anyColumn() : b;
  }

  #aggregates(a: ColumnSpec, b: ColumnSpec): Target[] {
    return this.#shape.times(this.#shape.int(1, 2), () => {
      const star = this.#shape.chance(0.35);
      const operands = star ? [] : [this.#maker.column(this.#shape.pick([a, b]))];
      const name = star ? "count" : this.#shape.pick(["count", "min", "max", "sum"]);
      const distinct = name === "count" && !star && this.#shape.chance(0.3);
      return this.#target({ kind: "call", name: [name], operands, star, distinct, filter: null });
    });
  }

  #target(expression: Expression): Target {
    return { kind: "expression", expression, alias: null };
  }

  #orderItem(column: ColumnSpec): OrderItem {
    const nulls = this.#shape.pick([null, null, null, "first", "last"] as const);
    return { expression: this.#maker.column(column), descending: this.#shape.chance(0.4), nulls };
  }

  #window(): Pick<Query, "limit" | "offset"> {
    return {
      limit: this.#shape.chance(0.4) ? this.#count() : null,
      offset: this.#shape.chance(0.2) ? this.#count() : null,
    };
  }

  #count(): Expression {
    if (this.#shape.chance(0.05)) return { kind: "null" };
    const count = this.#values.pick(COUNTS);
    if (this.#shape.chance(0.5)) return { kind: "literal", type: "integer", text: String(count), negated: false };
    this.#maker.params.push(this.#values.pick([count, count, String(count), BigInt(count), null]));
    return { kind: "parameter", number: this.#maker.params.length };
  }
}

const SORTED = new WeakMap<ColumnSpec, readonly string[]>();

const MIRRORED = { "=": "=", "<>": "<>", "<": ">", ">": "<" } as const;

const EMPTY: Omit<Body, "targets"> = {
  distinct: false,
  where: null,
  groupBy: [],
  having: null,
  orderBy: [],
  limit: null,
  offset: null,
};

/** As most programs pass it: one odd form among a thousand would have the whole list answered by the origin. */
function canonicalParameter({ kind }: SqlType, text: string): unknown {
  if (kind === "bool") return text === "t";
  const integer = kind === "int2" || kind === "int4" || kind === "int8";
  return integer && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}
