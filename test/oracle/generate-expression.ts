import { randomParameter } from "./parameters.ts";
import type { Random } from "./random.ts";
import type { ColumnSpec, TableSpec } from "./schema.ts";
import type { Expression, Literal } from "./single-table.ts";
import { arrayOf, BOOL, FLOAT8, INT4, INT8, type Kind, NUMERIC, type SqlType, sqlType, TEXT } from "./sql-type.ts";
import { arrayItem, randomText, randomValue } from "./values.ts";

export interface ExpressionPolicy {
  /** Probability per operand of a type that does not fit. */
  readonly wrong: number;
  /** Share of constants that are parameters. */
  readonly parameters: number;
  /** What stands before a column's name, if anything. */
  readonly qualifier: readonly string[];
}

const NUMBERS: readonly Kind[] = ["int2", "int4", "int8", "numeric", "float8"];
const TEXTS: readonly Kind[] = ["text", "varchar", "char"];
const MOMENTS: readonly Kind[] = ["date", "timestamp", "timestamptz"];
const EVERYTHING = [
  INT4,
  INT8,
  TEXT,
  BOOL,
  NUMERIC,
  FLOAT8,
  sqlType("date"),
  sqlType("uuid"),
  sqlType("timestamp"),
  sqlType("jsonb"),
];

/**
 * Makes expressions of a wanted type over one table. The shape comes from `shape`, every constant from `values`: the
 * same shape seed with another value seed gives the same statement with other literals and parameters.
 */
export class ExpressionMaker {
  readonly params: unknown[] = [];
  readonly #shape: Random;
  readonly #values: Random;
  readonly #table: TableSpec;
  readonly #policy: ExpressionPolicy;

  constructor(shape: Random, values: Random, table: TableSpec, policy: ExpressionPolicy) {
    this.#shape = shape;
    this.#values = values;
    this.#table = table;
    this.#policy = policy;
  }

  column(column: ColumnSpec): Expression {
    return { kind: "column", path: [...this.#policy.qualifier, column.name] };
  }

  anyColumn(): ColumnSpec {
    return this.#shape.pick(this.#table.columns);
  }

  /** An expression of about this type. */
  value(wanted: SqlType, depth: number): Expression {
    const type = this.#shape.chance(this.#policy.wrong) ? this.#shape.pick(EVERYTHING) : wanted;
    if (depth <= 0) return this.#leaf(type);
    const kind = this.#shape.weighted({ leaf: 9, special: 4, case: 1, coalesce: 1, nullIf: 0.6, cast: 0.8 });
    switch (kind) {
      case "leaf":
        return this.#leaf(type);
      case "special":
        return this.#special(type, depth - 1);
      case "case":
        return this.#case(type, depth - 1);
      case "coalesce": {
        const count = this.#shape.pick([2, 2, 3, 1]);
        return { kind: "coalesce", operands: this.#shape.times(count, () => this.value(type, depth - 1)) };
      }
      case "nullIf":
        return { kind: "nullIf", left: this.value(type, depth - 1), right: this.value(type, depth - 1) };
      case "cast":
        return { kind: "cast", operand: this.value(this.#castSource(type), depth - 1), type: type.name };
    }
  }

  /** A constant of the type, as a literal, a cast literal or a parameter. */
  constant(type: SqlType, column: ColumnSpec | null = null): Expression {
    const form = this.#shape.next();
    const text = this.#sample(type, column);
    if (form < this.#policy.parameters) {
      this.params.push(text === null ? null : randomParameter(this.#values, type, text));
      const parameter: Expression = { kind: "parameter", number: this.params.length };
      return this.#shape.chance(0.15) ? { kind: "cast", operand: parameter, type: type.name } : parameter;
    }
    if (this.#shape.chance(0.03)) return { kind: "null" };
    const literal = constantLiteral(type, text ?? randomValue(this.#values, type, "tame"), this.#shape.chance(0.1));
    return this.#shape.chance(0.15) ? { kind: "cast", operand: literal, type: type.name } : literal;
  }

  /** One of several texts that sort near each other, or else what the column has. */
  choice(column: ColumnSpec): Expression {
    const near = this.#sample(column.type, column) ?? "";
    const beside = (): Expression => {
      const text = `${near}${this.#values.pick(["", "a", "b", "B", "ä", "0"])}`;
      if (!this.#shape.chance(this.#policy.parameters)) return this.#string(text);
      this.params.push(text);
      return { kind: "parameter", number: this.params.length };
    };
    return {
      kind: "case",
      operand: null,
      // biome-ignore lint/suspicious/noThenProperty: the syntax tree calls it so
      branches: this.#shape.times(this.#shape.int(1, 3), () => ({ when: this.predicate(0), then: beside() })),
      otherwise: this.column(column),
    };
  }

  predicate(depth: number): Expression {
    const nested = depth > 0 ? 1 : 0;
    const kind = this.#shape.weighted({
      comparison: 9,
      and: 3 * nested,
      or: 2.5 * nested,
      not: 1.5 * nested,
      isNull: 1.5,
      isTruth: 1,
      isDistinct: 1.5,
      in: 2.5,
      anyOf: 1.5,
      between: 2,
      like: 2.5,
      value: 1,
      constant: 0.2,
    });
    const negated = this.#shape.chance(0.3);
    switch (kind) {
      case "comparison": {
        const operator = this.#shape.pick(["=", "=", "=", "<>", "<", "<=", ">", ">="] as const);
        const [left, right] = this.#pair(depth);
        return this.#shape.chance(0.85)
          ? { kind: "comparison", operator, left, right }
          : { kind: "comparison", operator, left: right, right: left };
      }
      case "and":
      case "or":
        return { kind, operands: this.#shape.times(this.#shape.int(2, 3), () => this.predicate(depth - 1)) };
      case "not":
        return { kind: "not", operand: this.predicate(depth - 1) };
      case "isNull":
        return { kind: "isNull", operand: this.value(this.anyColumn().type, depth), negated };
      case "isTruth":
        return {
          kind: "isTruth",
          operand: this.predicate(depth - 1),
          value: this.#shape.pick([true, false, null]),
          negated,
        };
      case "isDistinct": {
        const [left, right] = this.#pair(depth);
        return { kind: "isDistinct", left, right, negated };
      }
      case "in": {
        const column = this.anyColumn();
        const list = this.#shape.times(this.#shape.pick([1, 2, 3, 3, 12]), () => this.constant(column.type, column));
        if (this.#shape.chance(0.1)) list.push(this.value(column.type, 0));
        return { kind: "in", operand: this.#operand(column, depth), list, negated };
      }
      case "anyOf":
        return this.#anyOf(depth, negated);
      case "between": {
        const column = this.anyColumn();
        const [low, high] = [this.#bound(column, depth), this.#bound(column, depth)];
        return { kind: "between", operand: this.#operand(column, depth), low, high, negated };
      }
      case "like":
        return this.#like(depth, negated);
      case "value":
        return this.value(BOOL, depth);
      case "constant":
        return this.#shape.chance(0.8) ? { kind: "boolean", value: this.#shape.chance(0.7) } : { kind: "null" };
    }
  }

  aggregate(depth: number): Expression {
    const base = {
      kind: "call" as const,
      star: false,
      distinct: false,
      filter: this.#shape.chance(0.2) ? this.predicate(depth) : null,
    };
    const column = this.anyColumn();
    const operand = this.#shape.chance(0.8) ? this.column(column) : this.value(column.type, depth);
    const name = this.#shape.weighted({
      count: 4,
      countStar: 3,
      min: 3,
      max: 3,
      sum: 4,
      avg: 0.6,
      bool_and: 0.4,
    });
    switch (name) {
      case "countStar":
        return { ...base, name: ["count"], operands: [], star: true };
      case "sum":
      case "avg": {
        const numeric = this.#columns(NUMBERS);
        const summed =
          numeric.length > 0 && this.#shape.chance(0.9) ? this.#operand(this.#shape.pick(numeric), depth) : operand;
        return { ...base, name: [name], operands: [summed], distinct: this.#shape.chance(0.15) };
      }
      case "bool_and":
        return { ...base, name: ["bool_and"], operands: [this.value(BOOL, depth)] };
      default:
        return {
          ...base,
          name: [name],
          operands: [operand],
          distinct: this.#shape.chance(name === "count" ? 0.4 : 0.1),
        };
    }
  }

  #columns(kinds: readonly Kind[]): ColumnSpec[] {
    return this.#table.columns.filter(({ type }) => kinds.includes(type.kind));
  }

  #leaf(type: SqlType): Expression {
    const fitting = this.#columns([type.kind]);
    const column = fitting.length > 0 && this.#shape.chance(0.75) ? this.#shape.pick(fitting) : null;
    return column === null ? this.constant(type) : this.column(column);
  }

  /** The column itself, or now and then an expression of its type. */
  #operand(column: ColumnSpec, depth: number): Expression {
    if (this.#shape.chance(0.82)) return this.column(column);
    return this.value(column.type, depth);
  }

  #bound(column: ColumnSpec, depth: number): Expression {
    return this.#shape.chance(0.85) ? this.constant(column.type, column) : this.value(column.type, depth - 1);
  }

  /** Two operands that can be compared. */
  #pair(depth: number): [Expression, Expression] {
    const column = this.anyColumn();
    const left = this.#operand(column, depth);
    const roll = this.#shape.next();
    if (roll < 0.68) return [left, this.constant(column.type, column)];
    if (roll < 0.88) {
      const family = [NUMBERS, TEXTS, MOMENTS].find((kinds) => kinds.includes(column.type.kind)) ?? [column.type.kind];
      const others = this.#columns(family);
      return [left, this.column(others.length > 0 ? this.#shape.pick(others) : column)];
    }
    if (roll < 0.94 && NUMBERS.includes(column.type.kind)) {
      return [left, this.constant(this.#shape.pick([INT4, INT8, NUMERIC, FLOAT8]), column)];
    }
    return [left, this.value(column.type, depth)];
  }

  #sample(type: SqlType, column: ColumnSpec | null): string | null {
    if (this.#values.chance(0.03)) return null;
    if (MOMENTS.includes(type.kind) && this.#values.chance(0.03))
      return this.#values.pick(["today", "yesterday", "epoch"]);
    const candidates = column === null ? this.#columns([type.kind]) : [column];
    const source = candidates.length > 0 && this.#values.chance(0.75) ? this.#values.pick(candidates) : null;
    if (source !== null && this.#table.rows.length > 0) {
      const cell = this.#values.pick(this.#table.rows)[this.#table.columns.indexOf(source)];
      if (cell !== null && cell !== undefined)
        return this.#values.chance(0.96) ? cell : `${cell}${this.#values.pick([" ", "0", "x"])}`;
    }
    return randomValue(this.#values, type, this.#values.pick(["tame", "wide", "nasty"]));
  }

  #string(text: string): Literal {
    return { kind: "literal", type: "string", text, negated: false };
  }

  #case(type: SqlType, depth: number): Expression {
    const simple = this.#shape.chance(0.3) ? this.anyColumn() : null;
    const branches = this.#shape.times(this.#shape.int(1, 2), () => ({
      when: simple === null ? this.predicate(depth) : this.constant(simple.type, simple),
      // biome-ignore lint/suspicious/noThenProperty: the syntax tree calls it so
      then: this.value(type, depth),
    }));
    return {
      kind: "case",
      operand: simple === null ? null : this.column(simple),
      branches,
      otherwise: this.#shape.chance(0.7) ? this.value(type, depth) : null,
    };
  }

  #castSource(type: SqlType): SqlType {
    if (TEXTS.includes(type.kind)) return this.anyColumn().type;
    if (NUMBERS.includes(type.kind)) return this.#shape.pick([INT4, INT8, NUMERIC, FLOAT8, type, TEXT]);
    if (MOMENTS.includes(type.kind))
      return this.#shape.pick([sqlType("date"), sqlType("timestamp"), sqlType("timestamptz")]);
    return this.#shape.chance(0.7) ? type : this.anyColumn().type;
  }

  #special(type: SqlType, depth: number): Expression {
    if (NUMBERS.includes(type.kind)) return this.#arithmetic(type, depth);
    if (TEXTS.includes(type.kind)) return this.#textual(type, depth);
    if (type.kind === "bool") return this.predicate(depth);
    if (type.kind === "date" || type.kind === "timestamp") {
      const right = type.kind === "date" ? this.value(INT4, 0) : this.constant(sqlType("interval"));
      return { kind: "arithmetic", operator: this.#shape.pick(["+", "-"]), left: this.value(type, depth), right };
    }
    return this.#leaf(type);
  }

  #arithmetic(type: SqlType, depth: number): Expression {
    const roll = this.#shape.next();
    if (roll < 0.1) return { kind: "negate", operand: this.value(type, depth) };
    if (roll < 0.15) return this.#call("length", [this.value(TEXT, depth)]);
    if (roll < 0.2) return this.#call("abs", [this.value(type, depth)]);
    if (roll < 0.23) return this.#call("round", [this.value(NUMERIC, depth)]);
    const operator = this.#shape.pick(["+", "+", "-", "-", "*", "*", "/", "/", "%", "%"] as const);
    const provable = this.#table.columns.filter((one) => NUMBERS.includes(one.type.kind) && one.profile !== "nasty");
    if (provable.length > 0 && this.#shape.chance(0.7)) {
      const left = this.column(this.#shape.pick(provable));
      const right = this.#shape.chance(0.5) ? this.column(this.#shape.pick(provable)) : this.#smallInteger();
      return { kind: "arithmetic", operator, left, right };
    }
    const right = this.#shape.chance(0.25)
      ? this.value(this.#shape.pick([INT4, INT8, NUMERIC]), depth)
      : this.value(type, depth);
    return { kind: "arithmetic", operator, left: this.value(type, depth), right };
  }

  /** Always a literal: of a parameter nothing can be proven. */
  #smallInteger(): Literal {
    const value = this.#values.int(-4, 12);
    return { kind: "literal", type: "integer", text: String(Math.abs(value)), negated: value < 0 };
  }

  #textual(type: SqlType, depth: number): Expression {
    const kind = this.#shape.weighted({ concat: 4, collate: 1, lower: 1, upper: 1, trim: 0.5, left: 0.3, random: 0.1 });
    switch (kind) {
      case "concat":
        return {
          kind: "concat",
          left: this.value(type, depth),
          right: this.value(this.#shape.chance(0.8) ? TEXT : this.anyColumn().type, depth),
        };
      case "collate":
        return {
          kind: "collate",
          operand: this.value(type, depth),
          collation: [this.#shape.pick(["C", "POSIX", "C", "en-US-x-icu"])],
        };
      case "left":
        return this.#call("left", [this.value(type, depth), this.value(INT4, 0)]);
      case "random":
        return this.#call("concat", [this.value(type, depth), this.value(type, depth)]);
      default:
        return this.#call(kind === "trim" ? "btrim" : kind, [this.value(type, depth)]);
    }
  }

  #call(name: string, operands: readonly Expression[]): Expression {
    return { kind: "call", name: [name], operands, star: false, distinct: false, filter: null };
  }

  #anyOf(depth: number, negated: boolean): Expression {
    const column = this.anyColumn();
    const operand = this.#operand(column, depth);
    const texts = this.#values.times(this.#values.pick([0, 1, 2, 3, 9]), () => this.#sample(column.type, column));
    if (this.#shape.chance(0.75)) {
      const items = texts.map((text) => (text === null ? null : randomParameter(this.#values, column.type, text)));
      this.params.push(this.#values.chance(0.03) ? null : items);
      const parameter: Expression = { kind: "parameter", number: this.params.length };
      const array = this.#shape.chance(0.4)
        ? ({ kind: "cast", operand: parameter, type: arrayOf(column.type).name } as const)
        : parameter;
      return { kind: "anyOf", operand, array, negated };
    }
    const text = `{${texts.map((item) => (item === null ? "NULL" : arrayItem(item))).join(",")}}`;
    return {
      kind: "anyOf",
      operand,
      array: { kind: "cast", operand: this.#string(text), type: arrayOf(column.type).name },
      negated,
    };
  }

  #like(depth: number, negated: boolean): Expression {
    const columns = this.#columns(TEXTS);
    const column = columns.length > 0 ? this.#shape.pick(columns) : null;
    const operand = column === null ? this.value(TEXT, depth) : this.#operand(column, depth);
    const caseInsensitive = this.#shape.chance(0.3);
    if (this.#shape.chance(0.08))
      return { kind: "like", operand, pattern: this.value(TEXT, depth), negated, caseInsensitive };
    const sample = this.#sample(column?.type ?? TEXT, column) ?? "";
    const pattern = randomPattern(this.#values, sample);
    if (this.#shape.chance(this.#policy.parameters)) {
      this.params.push(pattern);
      return {
        kind: "like",
        operand,
        pattern: { kind: "parameter", number: this.params.length },
        negated,
        caseInsensitive,
      };
    }
    return { kind: "like", operand, pattern: this.#string(pattern), negated, caseInsensitive };
  }
}

/** A pattern that has a chance to match `sample`. */
function randomPattern(random: Random, sample: string): string {
  const letters = [...sample].slice(0, 6);
  const start = random.int(0, letters.length);
  const part = letters
    .slice(start, start + random.int(1, 4))
    .map((letter) => (random.chance(0.15) ? "_" : random.chance(0.05) ? `\\${letter}` : letter))
    .join("");
  const end = random.chance(0.5) ? "%" : "";
  switch (random.int(0, 6)) {
    case 0:
      return `${letters.slice(0, 2).join("")}%`;
    case 1:
      return `%${part}%`;
    case 2:
      return `%${letters.slice(-2).join("")}`;
    case 3:
      return sample;
    case 4:
      return random.pick(["%", "", "_", "__", "%%", "%_%", "\\", "%\\", "\\%", "a\\_b", "%\\\\%", "[a-z]%", "*", "?%"]);
    case 5:
      return `${randomText(random, "nasty")}${end}`;
    default:
      return `${part}${end}`;
  }
}

/** How a person writes the constant: bare numbers for number types, booleans as key words at times, else a string. */
export function constantLiteral(type: SqlType, text: string, quoted: boolean): Expression {
  const number = /^(-?)(\d+|\d+\.\d+|\d+(?:\.\d+)?e-?\d+)$/.exec(text);
  if (!quoted && NUMBERS.includes(type.kind) && number !== null) {
    const digits = number[2] ?? "0";
    return {
      kind: "literal",
      type: /^\d+$/.test(digits) ? "integer" : "decimal",
      text: digits,
      negated: number[1] === "-",
    };
  }
  if (type.kind === "bool" && !quoted && (text === "t" || text === "f"))
    return { kind: "boolean", value: text === "t" };
  return { kind: "literal", type: "string", text, negated: false };
}
