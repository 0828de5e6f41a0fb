import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../../quoting.ts";
import type { StoreValue } from "../contract.ts";
import { RANK_STEP } from "../load-stream.ts";
import { GiveUp } from "./give-up.ts";

const CACHED_RANKS = 20_000;
/** A dictionary in whose gaps no room is left is numbered anew, with its column, if both have no more rows than this. */
const RENUMBERED_ROWS = 200_000;

/** Where a text belongs that the dictionary does not hold: the ranks around it, `null` at the ends. */
export interface Place {
  readonly below: number | null;
  readonly above: number | null;
}

/**
 * The texts of one column with their ranks, growing. A text that comes new is first `wanted`, then placed (the origin is
 * asked for that), then inserted, all before the rows that bring it.
 */
export class LiveDictionary {
  readonly codec: unknown;
  readonly column: string;
  readonly read: (text: string) => StoreValue;
  readonly #db: DatabaseSync;
  #name: string;
  #find: StatementSync | null = null;
  readonly #ranks = new Map<string, number>();
  readonly wanted: Set<string> = new Set();
  #placed: readonly (readonly [text: string, place: Place])[] = [];
  #placedTexts: ReadonlySet<string> = new Set();

  constructor(db: DatabaseSync, name: string, column: string, codec: unknown, read: (text: string) => StoreValue) {
    this.#db = db;
    this.#name = name;
    this.column = column;
    this.codec = codec;
    this.read = read;
  }

  get name(): string {
    return this.#name;
  }

  rename(name: string): void {
    this.#name = name;
    this.#find = null;
  }

  rankOf(text: string): number | undefined {
    const known = this.#ranks.get(text);
    if (known !== undefined) return known;
    this.#find ??= this.#db.prepare(`SELECT rank FROM ${quoteName(this.#name)} WHERE value = ?`);
    const rank = this.#find.get(text)?.rank;
    if (typeof rank !== "number") return undefined;
    this.#remember(text, rank);
    return rank;
  }

  want(text: string): void {
    if (!this.#placedTexts.has(text) && this.rankOf(text) === undefined) this.wanted.add(text);
  }

  /** The places of all texts that were wanted, in the origin's order. What was placed before is inserted already. */
  place(placed: readonly (readonly [text: string, place: Place])[]): void {
    this.#placed = placed;
    this.#placedTexts = new Set(placed.map(([text]) => text));
    this.wanted.clear();
  }

  get hasPlaced(): boolean {
    return this.#placed.length > 0;
  }

  /** Inserts what was placed. `table`, its column of ranks and its rows: should no room be left between two ranks. */
  insert(table: string, rankColumn: string | null, rows: number): "inserted" | "renumbered" {
    const placed = this.#placed;
    this.place([]);
    const groups = Map.groupBy(placed, ([, { below, above }]) => `${below}:${above}`);
    const ranked: [string, number][] = [];
    for (const group of groups.values()) {
      const ranks = ranksBetween(group[0]?.[1] ?? { below: null, above: null }, group.length);
      if (ranks === null) {
        this.#renumber(placed, table, rankColumn, rows);
        return "renumbered";
      }
      for (const [index, [text]] of group.entries()) ranked.push([text, ranks[index] ?? 0]);
    }
    const insert = this.#db.prepare(`INSERT INTO ${quoteName(this.#name)} VALUES (?, ?)`);
    for (const [text, rank] of ranked) {
      insert.run(rank, text);
      this.#remember(text, rank);
    }
    return "inserted";
  }

  #renumber(
    placed: readonly (readonly [text: string, place: Place])[],
    table: string,
    rankColumn: string | null,
    rows: number,
  ): void {
    const name = quoteName(this.#name);
    const former = this.#db.prepare(`SELECT rank, value FROM ${name} ORDER BY rank`).all();
    if (former.length + rows > RENUMBERED_ROWS) throw new GiveUp(`no rank is left for a new text of ${this.column}`);
    const after = Map.groupBy(placed, ([, { below }]) => below);
    const texts = (rank: number | null): string[] => (after.get(rank) ?? []).map(([text]) => text);
    const ordered: { readonly text: string; readonly old: number | null }[] = texts(null).map((text) => ({
      text,
      old: null,
    }));
    for (const { rank, value } of former) {
      ordered.push({ text: String(value), old: Number(rank) });
      for (const text of texts(Number(rank))) ordered.push({ text, old: null });
    }
    this.#ranks.clear();
    this.#db.exec(`DELETE FROM ${name}; CREATE TEMP TABLE moved(old INTEGER PRIMARY KEY, new INTEGER)`);
    const insert = this.#db.prepare(`INSERT INTO ${name} VALUES (?, ?)`);
    const move = this.#db.prepare("INSERT INTO temp.moved VALUES (?, ?)");
    for (const [index, { text, old }] of ordered.entries()) {
      const rank = (index + 1) * RANK_STEP;
      insert.run(rank, text);
      if (old !== null) move.run(old, rank);
    }
    if (rankColumn !== null) {
      const column = quoteName(rankColumn);
      this.#db.exec(
        `UPDATE ${quoteName(table)} SET ${column} = (SELECT new FROM temp.moved WHERE old = ${column})
         WHERE ${column} IS NOT NULL`,
      );
    }
    this.#db.exec("DROP TABLE temp.moved");
  }

  #remember(text: string, rank: number): void {
    if (this.#ranks.size >= CACHED_RANKS) this.#ranks.clear();
    this.#ranks.set(text, rank);
  }
}

/** So many ranks between two, evenly spread; `null` if there is no room for them. */
function ranksBetween({ below, above }: Place, count: number): number[] | null {
  if (above === null) return Array.from({ length: count }, (_, index) => (below ?? 0) + (index + 1) * RANK_STEP);
  if (below === null) return Array.from({ length: count }, (_, index) => above - (count - index) * RANK_STEP);
  if (above - below <= count) return null;
  return Array.from({ length: count }, (_, index) => below + Math.floor(((index + 1) * (above - below)) / (count + 1)));
}
