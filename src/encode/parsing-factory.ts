import type { StoreRow, StoreValue } from "../store/contract.ts";
import type { Decoder } from "./row-factory.ts";

export type Parser = (text: string) => unknown;

/** Turns a non-NULL SQLite value into the driver's, by itself or through a parser that each call brings along. */
export type ColumnDecoder =
  | { readonly kind: "value"; readonly decode: Decoder }
  | { readonly kind: "text"; readonly text: (value: Exclude<StoreValue, null>) => string };

export type ParsingFactory = (row: StoreRow, parsers: readonly Parser[]) => unknown;

/**
 * As `createRowFactory`, with parsers as an argument. `names` is `null` for rows that are arrays.
 */
export function createParsingFactory(
  names: readonly string[] | null,
  decoders: readonly ColumnDecoder[],
): ParsingFactory {
  const values = decoders.map((decoder, index) => {
    const value = `r[${index}]`;
    if (decoder.kind === "text") return `${value} === null ? null : p[${index}](d${index}(${value}))`;
    return decoder.decode === null ? value : `${value} === null ? null : d${index}(${value})`;
  });
  const row =
    names === null
      ? `[${values.join(", ")}]`
      : `({ ${names.map((name, index) => `${JSON.stringify(name)}: ${values[index]}`).join(", ")} })`;
  const functions = decoders.map((decoder) => (decoder.kind === "text" ? decoder.text : decoder.decode));
  const parameters = decoders.map((_, index) => `d${index}`);
  try {
    return new Function(...parameters, `"use strict"; return (r, p) => ${row};`)(...functions) as ParsingFactory;
  } catch {
    // Code generation from strings is forbidden in this process (--disallow-code-generation-from-strings).
    return (cells, parsers) => plainRow(names, decoders, cells, parsers);
  }
}

function plainRow(
  names: readonly string[] | null,
  decoders: readonly ColumnDecoder[],
  cells: StoreRow,
  parsers: readonly Parser[],
): unknown {
  const values = decoders.map((decoder, index) => {
    const cell = cells[index] ?? null;
    if (cell === null) return null;
    if (decoder.kind === "text") return parsers[index]?.(decoder.text(cell));
    return decoder.decode === null ? cell : decoder.decode(cell);
  });
  if (names === null) return values;
  const row: Record<string, unknown> = {};
  for (const [index, name] of names.entries()) row[name] = values[index];
  return row;
}
