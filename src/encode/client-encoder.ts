import type { TypeParsers } from "../dialects/dialect.ts";
import type { Output } from "../plan/term.ts";
import type { StoreRow } from "../store/contract.ts";
import { type ColumnDecoder, createParsingFactory, type Parser, type ParsingFactory } from "./parsing-factory.ts";
import { createDecoder, type EncodeContext } from "./row-encoder.ts";

/** How one call of a driver wants its rows. */
export interface RowFormat {
  /** Arrays of values instead of objects. */
  readonly asArrays: boolean;
  /** The parser of each column, in the order of the result. */
  readonly parsers: readonly Parser[];
}

/** Bounds the factories of one statement; there is one for each mix of known and unknown parsers. */
const MAX_FACTORIES = 16;

/**
 * Makes rows under the parsers of each call. Where a column's parser is the driver's own, its text is skipped; any other
 * is called with the text. Programs make such parsers anew for each call, so a factory takes them as an argument.
 */
export class ClientEncoder {
  readonly #outputs: readonly { readonly name: string; readonly output: Output }[];
  readonly #context: EncodeContext;
  readonly #asArrays: boolean;
  readonly #factories = new Map<string, ParsingFactory>();
  #parsers: readonly Parser[] = [];
  #factory: ParsingFactory | null = null;

  constructor(
    outputs: readonly { readonly name: string; readonly output: Output }[],
    context: EncodeContext,
    asArrays: boolean,
  ) {
    this.#outputs = outputs;
    this.#context = context;
    this.#asArrays = asArrays;
  }

  one(row: StoreRow, parsers: readonly Parser[]): unknown {
    return this.#factoryFor(parsers)(row, parsers);
  }

  all(rows: readonly StoreRow[], parsers: readonly Parser[]): unknown[] {
    const factory = this.#factoryFor(parsers);
    const result = new Array<unknown>(rows.length);
    let index = 0;
    for (const row of rows) result[index++] = factory(row, parsers);
    return result;
  }

  #factoryFor(parsers: readonly Parser[]): ParsingFactory {
    if (this.#factory !== null && sameParsers(parsers, this.#parsers)) return this.#factory;
    const { types } = this.#context;
    const known = this.#outputs.map(({ output }, index) => {
      const parser = parsers[index];
      return parser === undefined ? null : types.behaviour(output.type.oid, parser);
    });
    const key = known.join();
    let factory = this.#factories.get(key);
    if (factory === undefined) {
      if (this.#factories.size >= MAX_FACTORIES) this.#factories.clear();
      const decoders = this.#outputs.map(({ output }, index) =>
        this.#decoder(output, known[index] ?? null, parsers[index]),
      );
      const names = this.#asArrays ? null : this.#outputs.map(({ name }) => name);
      factory = createParsingFactory(names, decoders);
      this.#factories.set(key, factory);
    }
    this.#parsers = parsers;
    this.#factory = factory;
    return factory;
  }

  #decoder(output: Output, known: ReturnType<TypeParsers["known"]>, parser: Parser | undefined): ColumnDecoder {
    if (known === null || parser === undefined) return { kind: "text", text: textOf(output, this.#context) };
    const types = { ...this.#context.types, parser: () => parser, known: () => known };
    return { kind: "value", decode: createDecoder(output, { ...this.#context, types }) };
  }
}

function sameParsers(a: readonly Parser[], b: readonly Parser[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The text that the origin would send. */
function textOf(output: Output, context: EncodeContext): Extract<ColumnDecoder, { kind: "text" }>["text"] {
  if (output.kind !== "position") return context.wireText(output);
  const wireText = context.wireText({ kind: "value", type: output.type });
  return (position) => wireText(context.textAt(output.column, Number(position)));
}
