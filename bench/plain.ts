import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { PlainTable } from "./dataset.ts";
import { type Contender, synchronous } from "./rounds.ts";

/** A row of `node:sqlite` after `setReturnArrays(true)`. */
export type PlainRow = readonly (number | string | null)[];

interface PlainQuery {
  readonly sql: string;
  readonly columns: string;
  readonly params: readonly (readonly SQLInputValue[])[];
  readonly decode?: Readonly<Record<string, (value: PlainRow[number]) => unknown>>;
}

/**
 * A prepared statement of bare `node:sqlite`, as one would write it by hand. The fastest of the first three is the
 * floor; the last one makes the driver's values of what SQLite keeps, as the engine has to.
 */
export function plainContenders(
  { memory, mapped }: PlainTable,
  query: PlainQuery,
): readonly { readonly contender: Contender; readonly isFloor: boolean }[] {
  const names = query.columns.split(", ").map((column) => column.split(" ").at(-1) ?? column);
  const literal = rowFactory(names, {});
  const contenders = [
    { contender: objects(memory, query), isFloor: true },
    { contender: arrays(memory, query, "node:sqlite, arrays + literal", literal), isFloor: true },
    { contender: arrays(mapped, query, "node:sqlite, mapped file, arrays + literal", literal), isFloor: true },
  ];
  if (query.decode === undefined) return contenders;
  const decoded = arrays(
    mapped,
    query,
    "node:sqlite, mapped file, arrays + literal, decoded",
    rowFactory(names, query.decode),
  );
  return [...contenders, { contender: decoded, isFloor: false }];
}

function objects(db: DatabaseSync, { sql, params }: PlainQuery): Contender {
  const statement = db.prepare(sql);
  return synchronous("node:sqlite, objects", (index) => statement.all(...(params[index % params.length] ?? [])));
}

function arrays(
  db: DatabaseSync,
  { sql, params }: PlainQuery,
  name: string,
  factory: (row: PlainRow) => unknown,
): Contender {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return synchronous(name, (index) => {
    // The types of node:sqlite do not know that `setReturnArrays` changes what comes back.
    const rows = statement.all(...(params[index % params.length] ?? [])) as unknown as readonly PlainRow[];
    const result = new Array<unknown>(rows.length);
    for (let row = 0; row < rows.length; row++) result[row] = factory(rows[row] ?? []);
    return result;
  });
}

function rowFactory(names: readonly string[], decode: NonNullable<PlainQuery["decode"]>): (row: PlainRow) => unknown {
  const fields = names.map(
    (name, index) => `${name}: ${decode[name] === undefined ? "" : `decode.${name}`}(r[${index}])`,
  );
  // Generated, as the literal that one would write by hand for these columns.
  return new Function("decode", `return (r) => ({ ${fields.join(", ")} })`)(decode) as (row: PlainRow) => unknown;
}
