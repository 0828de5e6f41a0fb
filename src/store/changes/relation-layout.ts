import type { StreamRelation, StreamTuple } from "../contract.ts";
import { GiveUp } from "./give-up.ts";

/** Where the columns of a stored table are in the rows of a relation, as the stream last described it. */
export interface RelationLayout {
  /** Columns of the relation that are read, each once. */
  readonly sources: readonly number[];
  /** For each physical column its place in `sources`. */
  readonly physical: readonly number[];
  /** For each dictionary the column of the relation. */
  readonly dictionaries: readonly number[];
  /** Columns of the relation that are the key. */
  readonly key: readonly number[];
}

export function layoutOf(
  relation: StreamRelation,
  columns: readonly string[],
  dictionaries: readonly string[],
  key: readonly string[],
): RelationLayout {
  const positions = new Map(relation.columns.map(({ name }, index) => [name, index]));
  const find = (name: string): number => {
    const position = positions.get(name);
    if (position === undefined) throw new GiveUp(`the stream has no column ${name} of ${relation.name} any more`);
    return position;
  };
  const found = columns.map(find);
  const sources = [...new Set(found)];
  return {
    sources,
    physical: found.map((position) => sources.indexOf(position)),
    dictionaries: dictionaries.map(find),
    key: key.map(find),
  };
}

/** The key of a row, as the stream wrote it; `fallback` has what the row leaves out. */
export function keyTexts(key: readonly number[], row: StreamTuple, fallback: StreamTuple | null): string[] {
  return key.map((position) => {
    const text = row.text(position) ?? fallback?.text(position);
    if (text === null || text === undefined) throw new GiveUp("a change does not name the key of its row");
    return text;
  });
}
