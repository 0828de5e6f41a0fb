import type { TypeParsers } from "../dialects/dialect.ts";
import type { Output, TableColumn } from "../plan/term.ts";
import type { StoreRow, StoreValue } from "../store/contract.ts";
import { createRowFactory, type Decoder, type Row, type RowFactory } from "./row-factory.ts";

/** What the encoder needs from the origin and the store. */
export interface EncodeContext {
  readonly types: TypeParsers;
  /** The text that the origin would send for a value of this output. */
  wireText(output: Output): (value: Exclude<StoreValue, null>) => string;
  /** The text at a position of a column's dictionary. */
  textAt(column: TableColumn, position: number): string;
}

/**
 * Makes the driver's rows from SQLite's. The user may replace a type parser at any time, so each call checks that the
 * parsers are still those that the row factory was made for.
 */
export class RowEncoder {
  readonly #outputs: readonly { readonly name: string; readonly output: Output }[];
  readonly #context: EncodeContext;
  readonly #typeIds: readonly number[];
  #parsers: readonly ((text: string) => unknown)[];
  #factory: RowFactory;

  constructor(outputs: readonly { readonly name: string; readonly output: Output }[], context: EncodeContext) {
    this.#outputs = outputs;
    this.#context = context;
    this.#typeIds = [...new Set(outputs.map(({ output }) => output.type.oid))];
    this.#parsers = this.#currentParsers();
    this.#factory = this.#createFactory();
  }

  one(row: StoreRow): Row {
    return this.#currentFactory()(row);
  }

  all(rows: readonly StoreRow[]): Row[] {
    const factory = this.#currentFactory();
    const result = new Array<Row>(rows.length);
    let index = 0;
    for (const row of rows) result[index++] = factory(row);
    return result;
  }

  #currentFactory(): RowFactory {
    const { types } = this.#context;
    for (let index = 0; index < this.#typeIds.length; index++) {
      if (types.parser(this.#typeIds[index] ?? 0) !== this.#parsers[index]) {
        this.#parsers = this.#currentParsers();
        this.#factory = this.#createFactory();
        break;
      }
    }
    return this.#factory;
  }

  #currentParsers(): ((text: string) => unknown)[] {
    return this.#typeIds.map((id) => this.#context.types.parser(id));
  }

  #createFactory(): RowFactory {
    return createRowFactory(
      this.#outputs.map(({ name }) => name),
      this.#outputs.map(({ output }) => createDecoder(output, this.#context)),
    );
  }
}

/** The shortest exact way from a value to what the driver's parser makes of its wire text. */
export function createDecoder(output: Output, context: EncodeContext): Decoder {
  if (output.kind === "position") {
    const decode = createDecoder({ kind: "value", type: output.type }, context);
    const textAt = (position: unknown): string => context.textAt(output.column, Number(position));
    return decode === null ? textAt : (position) => decode(textAt(position));
  }
  return shortcut(output, context) ?? throughText(output, context);
}

function throughText(output: Output, context: EncodeContext): NonNullable<Decoder> {
  const parse = context.types.parser(output.type.oid);
  const wireText = context.wireText(output);
  return (value) => parse(wireText(value));
}

/** `undefined` where there is no way but through the text. */
function shortcut(output: Output, context: EncodeContext): Decoder | undefined {
  const { kind } = output.type;
  const known = context.types.known(output.type.oid);
  if (known === "text") {
    if (output.kind === "text") return null;
    if (output.kind === "value" && (kind === "text" || kind === "uuid" || kind === "enum")) return null;
    if (output.kind === "value" && kind === "int8") return (value) => `${value}`;
    return context.wireText(output);
  }
  if (output.kind !== "value") return undefined;
  if (known === "integer" && (kind === "int2" || kind === "int4")) return null;
  if (known === "boolean" && kind === "bool") return (value) => value === 1;
  if (known === "float" && kind === "float8") return (value) => (value === "NaN" ? Number.NaN : value);
  if (known === "instant" && kind === "timestamptz") return instantDecoder(throughText(output, context));
  return undefined;
}

/** Midnight before the year 1: earlier ones, and what does not fit a number, take the way through the text. */
const YEAR_ONE_MICROSECONDS = -62_135_596_800_000_000;

/** What the driver makes of a timestamp's text (postgres-date), from microseconds since 1970. */
function instantDecoder(throughText: NonNullable<Decoder>): NonNullable<Decoder> {
  return (value) => {
    if (typeof value !== "number" || value < YEAR_ONE_MICROSECONDS) return throughText(value);
    if (value % 1000 === 0) return new Date(value / 1000);
    const seconds = Math.floor(value / 1e6);
    // The parser reads the fraction as a float and cuts it to milliseconds: 1000 * 0.057 is 57.00000000000001.
    const fraction = (value - seconds * 1e6) / 1e6;
    return new Date(seconds * 1000 + Math.trunc(1000 * fraction));
  };
}
