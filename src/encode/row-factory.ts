import type { StoreRow, StoreValue } from "../store/contract.ts";

/** Turns a non-NULL SQLite value into the driver's; `null` stands for "as it is". */
export type Decoder = ((value: Exclude<StoreValue, null>) => unknown) | null;

export type Row = Record<string, unknown>;
export type RowFactory = (row: StoreRow) => Row;

/**
 * A function that makes a row object. Generated, because an object literal with fixed keys is several times faster than
 * assigning keys in a loop. Of two columns of one name the last wins and the first one's place counts, as in `pg`.
 */
export function createRowFactory(names: readonly string[], decoders: readonly Decoder[]): RowFactory {
  const fields = names.map((name, index) => {
    const value = `r[${index}]`;
    const decoded = decoders[index] === null ? value : `${value} === null ? null : d${index}(${value})`;
    return `${JSON.stringify(name)}: ${decoded}`;
  });
  const parameters = decoders.map((_, index) => `d${index}`);
  try {
    const build = new Function(...parameters, `"use strict"; return (r) => ({ ${fields.join(", ")} });`);
    return build(...decoders) as RowFactory;
  } catch {
    // Code generation from strings is forbidden in this process (--disallow-code-generation-from-strings).
    return (row) => plainRow(names, decoders, row);
  }
}

function plainRow(names: readonly string[], decoders: readonly Decoder[], row: StoreRow): Row {
  const result: Row = {};
  for (const [index, name] of names.entries()) {
    const value = row[index] ?? null;
    const decode = decoders[index] ?? null;
    result[name] = value === null || decode === null ? value : decode(value);
  }
  return result;
}
