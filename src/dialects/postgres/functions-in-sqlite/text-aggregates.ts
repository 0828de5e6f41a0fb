import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { itemText } from "../array-text.ts";

/** Aggregates over the texts of values: put together, or the first of them in the origin's order. */
export function registerTextAggregates(target: FunctionTarget): void {
  target.aggregate<string[]>("pg_array_agg", {
    deterministic: true,
    start: () => [],
    step: (elements, value) => {
      elements.push(itemText(value === null ? null : String(value)));
      return elements;
    },
    result: (elements) => (elements.length === 0 ? null : `{${elements.join(",")}}`),
  });
  /** One argument, so that DISTINCT is possible. */
  target.aggregate<StoreValue[]>("pg_text_list", {
    deterministic: true,
    start: () => [],
    step: (texts, value) => {
      if (value !== null) texts.push(value);
      return texts;
    },
    result: (texts) => (texts.length === 0 ? null : JSON.stringify(texts)),
  });
  target.function("pg_list_join", { deterministic: true }, (list, separator) =>
    list === null ? null : (JSON.parse(String(list)) as string[]).join(separator === null ? "" : String(separator)),
  );
  const extreme = (name: string, wins: (rank: number, best: number) => boolean): void => {
    target.aggregate<{ rank: number; text: StoreValue }>(name, {
      deterministic: true,
      start: () => ({ rank: 0, text: null }),
      step: (best, rank, text) => {
        if (rank !== null && (best.text === null || wins(Number(rank), best.rank))) {
          best.rank = Number(rank);
          best.text = text;
        }
        return best;
      },
      result: (best) => best.text,
    });
  };
  extreme("pg_text_min", (rank, best) => rank < best);
  extreme("pg_text_max", (rank, best) => rank > best);
}
