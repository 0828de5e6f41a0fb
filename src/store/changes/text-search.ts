import type { DatabaseSync } from "node:sqlite";
import { quoteName } from "../../quoting.ts";
import type { SortAnswer, SortQuestion } from "../contract.ts";
import type { LiveDictionary, Place } from "./live-dictionary.ts";

/** Asks the origin, through main. */
export type Sort = (codec: unknown, questions: readonly SortQuestion[]) => Promise<SortAnswer>;

/**
 * Candidates for one text in one round trip, and for all texts together: one text is found in few round trips, many at once
 * with few comparisons of each.
 */
const FAN_OUT = 100;
const LEAST_FAN_OUT = 3;
const CANDIDATES = 2000;
/** So many new texts of a column at once are better fetched with the whole table. */
export const MOST_NEW_TEXTS = 5000;

interface Search {
  readonly text: string;
  /** The text sorts after the one and before the other. */
  below: number | null;
  above: number | null;
  found: boolean;
}

interface Candidate {
  readonly rank: number;
  readonly value: string;
}

/** Finds the places of all texts that a dictionary wants, each round one question to the origin. */
export async function placeWanted(db: DatabaseSync, dictionary: LiveDictionary, sort: Sort): Promise<void> {
  const searches = [...dictionary.wanted].map<Search>((text) => ({ text, below: null, above: null, found: false }));
  const fanOut = Math.max(LEAST_FAN_OUT, Math.min(FAN_OUT, Math.floor(CANDIDATES / searches.length)));
  const pick = picker(db, dictionary.name, fanOut);
  let order = searches.map((_, index) => index);
  for (let round = 0; searches.some(({ found }) => !found); round++) {
    // Texts that lie between the same two have the same candidates.
    const picked = new Map<string, readonly Candidate[]>();
    const candidates = searches.map((search): readonly Candidate[] => {
      if (search.found) return [];
      const between = `${search.below}:${search.above}`;
      const known = picked.get(between) ?? pick(search);
      picked.set(between, known);
      return known;
    });
    const isLast = candidates.every((list) => list.length === 0);
    // Nothing is left to compare with; the order among the texts themselves is known from the round before, if any.
    if (isLast && (round > 0 || searches.length === 1)) break;
    const questions = searches.map(({ text }, index) => ({
      text,
      candidates: (candidates[index] ?? []).map(({ value }) => value),
    }));
    const answer = await sort(dictionary.codec, questions);
    order = [...answer.order];
    if (isLast) break;
    for (const [index, search] of searches.entries()) {
      narrow(search, candidates[index] ?? [], answer.before[index] ?? 0, fanOut);
    }
  }
  const placed = order.map((index) => searches[index]).filter((search) => search !== undefined);
  dictionary.place(placed.map(({ text, below, above }): [string, Place] => [text, { below, above }]));
}

function narrow(search: Search, candidates: readonly Candidate[], before: number, fanOut: number): void {
  if (search.found) return;
  search.below = candidates[before - 1]?.rank ?? search.below;
  search.above = candidates[before]?.rank ?? search.above;
  // All texts between the ends were candidates.
  search.found = candidates.length < fanOut;
}

/** Picks texts between both ends of a search: all of them if they are fewer than `fanOut`, else so many, evenly spread. */
function picker(db: DatabaseSync, name: string, fanOut: number): (search: Search) => readonly Candidate[] {
  const table = quoteName(name);
  const between = db.prepare(`SELECT rank, value FROM ${table} WHERE rank > ? AND rank < ? ORDER BY rank LIMIT ?`);
  const largest = db.prepare(`SELECT max(rank) AS rank FROM ${table} WHERE rank < ?`);
  return ({ below, above }) => {
    const from = below ?? -Number.MAX_SAFE_INTEGER;
    const to = above ?? Number.MAX_SAFE_INTEGER;
    const first = between.all(from, to, fanOut).map(candidate);
    if (first.length < fanOut) return first;
    const low = first[0]?.rank ?? from;
    const high = Number(largest.get(to)?.rank ?? to);
    const spread = new Map<number, Candidate>();
    for (let index = 0; index < fanOut; index++) {
      const row = between.get(low - 1 + Math.floor(((index + 0.5) * (high - low)) / fanOut), to, 1);
      if (row !== undefined) spread.set(Number(row.rank), candidate(row));
    }
    return fill(spread, first, fanOut);
  };
}

/** Where texts lie close together, several picks are the same one: `fanOut` different ones tell that there are more. */
function fill(spread: Map<number, Candidate>, first: readonly Candidate[], fanOut: number): Candidate[] {
  for (const one of first) {
    if (spread.size >= fanOut) break;
    spread.set(one.rank, one);
  }
  return [...spread.values()].sort((a, b) => a.rank - b.rank);
}

function candidate(row: Record<string, unknown>): Candidate {
  return { rank: Number(row.rank), value: String(row.value) };
}
