import { ExpressionMaker } from "./generate-expression.ts";
import { KeyedMaker } from "./generate-keyed.ts";
import { Random } from "./random.ts";
import type { Schema, TableSpec } from "./schema.ts";
import type { Expression, OrderItem, Query, Target } from "./single-table.ts";
import { INT8 } from "./sql-type.ts";
import type { Case } from "./statement.ts";

export type TableCase = Case & {
  readonly table: TableSpec;
  /** Its conditions are such as an index serves: worth asking again with other constants, and once the index is there. */
  readonly keyed: boolean;
};

/** From so many rows on, the engine builds indexes. */
export const INDEXED_ROWS = 200;

/**
 * One query over one table of the schema. The same `shapeSeed` with another `valueSeed` gives the same statement with
 * other constants.
 */
export function randomCase(schema: Schema, shapeSeed: number, valueSeed: number): TableCase {
  const [shape, values] = [new Random(shapeSeed), new Random(valueSeed)];
  const table = shape.pick(schema.tables);
  const alias = shape.chance(0.25) ? shape.pick(["t", "o", "Alias", "x"]) : null;
  const qualified = shape.chance(0.2);
  const parameters = shape.pick([0, 0.2, 0.8]);
  const maker = new ExpressionMaker(shape, values, table, {
    wrong: shape.chance(0.1) ? 0.15 : 0,
    parameters,
    qualifier: qualified ? [alias ?? table.name] : [],
  });
  const parts = new QueryMaker(shape, maker, table);
  const body = shape.weighted({ point: 2, plain: 7, grouped: 3, keyed: table.rows.length >= INDEXED_ROWS ? 9 : 1 });
  const query = body === "keyed" ? new KeyedMaker(shape, values, table, maker, parameters).body() : parts[body]();
  const from = {
    name: table.schema === "public" && shape.chance(0.9) ? [table.name] : [table.schema, table.name],
    alias,
  };
  const style = shape.chance(0.4) ? 0 : shape.seed();
  return { query: { ...query, from }, params: maker.params, style, table, keyed: body === "keyed" };
}

type Body = Omit<Query, "from">;

class QueryMaker {
  readonly #shape: Random;
  readonly #maker: ExpressionMaker;
  readonly #table: TableSpec;

  constructor(shape: Random, maker: ExpressionMaker, table: TableSpec) {
    this.#shape = shape;
    this.#maker = maker;
    this.#table = table;
  }

  /** By key, as most programs read. */
  point(): Body {
    const keys = this.#table.columns.filter(({ name }) => this.#table.primaryKey.includes(name));
    const wheres = (keys.length > 0 ? keys : [this.#maker.anyColumn()]).map(
      (column): Expression => ({
        kind: "comparison",
        operator: "=",
        left: this.#maker.column(column),
        right: this.#maker.constant(column.type, column),
      }),
    );
    const [first] = wheres;
    const where: Expression = wheres.length === 1 && first !== undefined ? first : { kind: "and", operands: wheres };
    return { ...EMPTY, targets: this.#targets(0), where, limit: this.#shape.chance(0.2) ? this.#count() : null };
  }

  plain(): Body {
    const depth = this.#shape.pick([0, 1, 1, 2, 3]);
    const distinct = this.#shape.chance(0.12);
    const targets = this.#targets(depth);
    const where = this.#shape.chance(0.7) ? this.#maker.predicate(depth) : null;
    const orderBy = this.#shape.chance(0.5) ? this.#orderBy(targets, depth, distinct) : [];
    return { ...EMPTY, distinct, targets, where, orderBy, ...this.#window() };
  }

  grouped(): Body {
    const depth = this.#shape.pick([0, 0, 1, 2]);
    const keys = this.#shape.times(this.#shape.pick([0, 0, 1, 1, 1, 2, 3]), () => {
      const column = this.#maker.anyColumn();
      return this.#shape.chance(0.85) ? this.#maker.column(column) : this.#maker.value(column.type, depth);
    });
    const aggregates = this.#shape.times(this.#shape.int(keys.length === 0 ? 1 : 0, 3), () =>
      this.#maker.aggregate(depth),
    );
    const shown = keys.filter(() => this.#shape.chance(0.85));
    const expressions = this.#shape.shuffle([...shown, ...aggregates.map((call) => this.#around(call))]);
    if (this.#shape.chance(0.06)) expressions.push(this.#maker.column(this.#maker.anyColumn()));
    if (expressions.length === 0) expressions.push(...keys);
    const targets = expressions.map((expression) => this.#named(expression));
    const groupBy = keys.map((key): Expression => {
      const position = expressions.indexOf(key);
      return position >= 0 && this.#shape.chance(0.2) ? integer(position + 1) : key;
    });
    const having = this.#shape.chance(0.25) ? this.#having(keys, depth) : null;
    const where = this.#shape.chance(0.45) ? this.#maker.predicate(depth) : null;
    const sortable = [...keys, ...aggregates];
    const orderBy =
      this.#shape.chance(0.45) && sortable.length > 0
        ? this.#shape.times(this.#shape.int(1, 2), () => this.#orderItem(targets, () => this.#shape.pick(sortable)))
        : [];
    const distinct = this.#shape.chance(0.05);
    return { ...EMPTY, distinct, targets, where, groupBy, having, orderBy, ...this.#window() };
  }

  #around(call: Expression): Expression {
    if (this.#shape.chance(0.85)) return call;
    return this.#shape.chance(0.5)
      ? { kind: "coalesce", operands: [call, integer(0)] }
      : {
          kind: "case",
          operand: null,
          // biome-ignore lint/suspicious/noThenProperty: the syntax tree calls it so
          branches: [{ when: { kind: "isNull", operand: call, negated: true }, then: call }],
          otherwise: null,
        };
  }

  #having(keys: readonly Expression[], depth: number): Expression {
    const count: Expression = {
      kind: "call",
      name: ["count"],
      operands: [],
      star: true,
      distinct: false,
      filter: null,
    };
    const key = keys[0];
    if (key !== undefined && this.#shape.chance(0.3))
      return { kind: "isNull", operand: key, negated: this.#shape.chance(0.7) };
    const left = this.#shape.chance(0.7) ? count : this.#maker.aggregate(depth);
    return {
      kind: "comparison",
      operator: this.#shape.pick([">", ">=", "=", "<"]),
      left,
      right: this.#maker.constant(INT8),
    };
  }

  #targets(depth: number): Target[] {
    if (this.#shape.chance(0.1)) return [{ kind: "star", path: [] }];
    const targets = this.#shape.times(this.#shape.pick([1, 1, 2, 3, 4, 6]), (): Target => {
      const column = this.#maker.anyColumn();
      const simple = this.#shape.chance(0.65);
      return this.#named(simple ? this.#maker.column(column) : this.#maker.value(column.type, depth));
    });
    if (this.#shape.chance(0.03)) targets.push({ kind: "star", path: [] });
    return targets;
  }

  #named(expression: Expression): Target {
    const alias = this.#shape.chance(0.3)
      ? this.#shape.pick(["a", "b", "v1", "Total", "name", "id", "1", "x y"])
      : null;
    return { kind: "expression", expression, alias };
  }

  #orderBy(targets: readonly Target[], depth: number, distinct: boolean): OrderItem[] {
    const expressions = targets.flatMap((target) => (target.kind === "expression" ? [target.expression] : []));
    return this.#shape.times(this.#shape.int(1, 3), () =>
      this.#orderItem(targets, () => {
        if (distinct && expressions.length > 0 && this.#shape.chance(0.95)) return this.#shape.pick(expressions);
        const column = this.#maker.anyColumn();
        if (column.type.kind === "text" && this.#shape.chance(0.3)) return this.#maker.choice(column);
        return this.#shape.chance(0.8) ? this.#maker.column(column) : this.#maker.value(column.type, depth);
      }),
    );
  }

  #orderItem(targets: readonly Target[], other: () => Expression): OrderItem {
    const position = this.#shape.int(0, Math.max(0, targets.length - 1));
    const target = targets[position];
    const alias = target?.kind === "expression" ? target.alias : null;
    const roll = this.#shape.next();
    const expression: Expression =
      roll < 0.2 ? integer(position + 1) : roll < 0.35 && alias !== null ? { kind: "column", path: [alias] } : other();
    return { expression, descending: this.#shape.chance(0.4), nulls: this.#shape.pick([null, null, "first", "last"]) };
  }

  #window(): Pick<Query, "limit" | "offset"> {
    return {
      limit: this.#shape.chance(0.3) ? this.#count() : null,
      offset: this.#shape.chance(0.12) ? this.#count() : null,
    };
  }

  #count(): Expression {
    if (this.#shape.chance(0.03))
      return this.#shape.pick<Expression>([{ kind: "null" }, { ...integer(1), negated: true }]);
    if (this.#shape.chance(0.7)) return integer(this.#shape.pick([0, 1, 2, 5, 10, 100]));
    const number = this.#shape.int(0, 12);
    const odd = this.#shape.pick<unknown>([null, ` ${number}`, `${number}.0`, 1.5, -1]);
    this.#maker.params.push(
      this.#shape.chance(0.12) ? odd : this.#shape.pick([number, String(number), BigInt(number)]),
    );
    return { kind: "parameter", number: this.#maker.params.length };
  }
}

const EMPTY: Omit<Body, "targets"> = {
  distinct: false,
  where: null,
  groupBy: [],
  having: null,
  orderBy: [],
  limit: null,
  offset: null,
};

function integer(value: number) {
  return { kind: "literal", type: "integer", text: String(value), negated: false } as const;
}
