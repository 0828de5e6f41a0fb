import type { Random } from "../../oracle/random.ts";
import type { TableRows } from "../load-tables.ts";

/** Tables that joins are made over: `t1(a1, b1, c1, x1)` … */
export const JOINED = 12;

export const SCHEMA = `
  CREATE TABLE t1 (a integer, b integer, c integer, d integer, e integer);
  CREATE TABLE tab0 (col0 integer, col1 integer, col2 integer);
  CREATE TABLE tab1 (col0 integer, col1 integer, col2 integer);
  CREATE TABLE wide (
    pk integer PRIMARY KEY, col0 integer, col1 float, col2 text, col3 integer, col4 float, col5 text
  );
  CREATE INDEX ON wide (col0);
  CREATE INDEX ON wide (col3, col4);
  ${Array.from({ length: JOINED }, (_, index) => joinedTable(index + 1)).join("\n")}`;

function joinedTable(n: number): string {
  return `CREATE TABLE j${n} (a${n} integer PRIMARY KEY, b${n} integer, c${n} integer, x${n} varchar(30));`;
}

export function makeRows(random: Random): readonly TableRows[] {
  const orNull = (value: number) => (random.chance(0.1) ? null : value);
  // As in the suite: blocks of five neighbouring numbers, in any order, so that comparisons go either way.
  const blocks = random.times(30, (index) =>
    random.shuffle([0, 1, 2, 3, 4]).map((offset) => orNull(100 + 5 * index + offset)),
  );
  const small = () => random.times(8, () => random.times(3, () => orNull(random.int(-5, 99))));
  const wide = random.times(100, (pk) => [
    pk,
    orNull(random.int(0, 1000)),
    orNull(random.int(0, 100_000) / 100),
    random.chance(0.1) ? null : random.times(random.int(1, 5), () => random.pick([..."abcdefghXYZ "])).join(""),
    orNull(random.int(0, 1000)),
    orNull(random.int(0, 100_000) / 100),
    random.pick(["jzqte", "obqvf", "wdgbn", "Zzz", ""]),
  ]);
  return [
    { table: "t1", rows: blocks },
    { table: "tab0", rows: small() },
    { table: "tab1", rows: small() },
    { table: "wide", rows: wide },
    ...Array.from({ length: JOINED }, (_, index) => ({
      table: `j${index + 1}`,
      rows: random
        .shuffle([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        .map((a, row) => [a, random.int(1, 10), random.int(1, 10), `table j${index + 1} row ${row + 1}`]),
    })),
  ];
}
