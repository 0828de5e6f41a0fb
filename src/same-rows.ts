import { setImmediate as turn } from "node:timers/promises";
import { inspect, isDeepStrictEqual } from "node:util";

/** Rows that are looked at in one turn of the event loop. */
const ROWS_PER_TURN = 500;

/** True if both hold the same rows, in whatever order, with the same values of the same types. */
export async function sameRows(a: readonly unknown[], b: readonly unknown[]): Promise<boolean> {
  if (a.length !== b.length) return false;
  let index = 0;
  for (; index < a.length; index++) {
    if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await turn();
    if (!isDeepStrictEqual(a[index], b[index])) break;
  }
  return index === a.length || (await sameInAnyOrder(a.slice(index), b.slice(index)));
}

async function sameInAnyOrder(a: readonly unknown[], b: readonly unknown[]): Promise<boolean> {
  const left = new Map<string, unknown[]>();
  for (const [index, row] of a.entries()) {
    if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await turn();
    const key = keyOf(row);
    const rows = left.get(key);
    if (rows === undefined) left.set(key, [row]);
    else rows.push(row);
  }
  for (const [index, row] of b.entries()) {
    if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) await turn();
    const candidates = left.get(keyOf(row)) ?? [];
    const found = candidates.findLastIndex((candidate) => isDeepStrictEqual(candidate, row));
    if (found < 0) return false;
    candidates.splice(found, 1);
  }
  return true;
}

/** The same for equal rows; for others it may be the same. */
function keyOf(row: unknown): string {
  return inspect(row, {
    customInspect: false,
    sorted: true,
    depth: 4,
    maxArrayLength: 100,
    maxStringLength: 200,
    breakLength: Number.POSITIVE_INFINITY,
  });
}
