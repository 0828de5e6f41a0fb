import type { Random } from "../random.ts";

/**
 * Factors on the weights of the grammar's choices: `predicate.exists` for one alternative, `window` for a whole area or for
 * an alternative of that name wherever it stands. 0 switches off; 1 is the default.
 */
export class Weights {
  readonly #factors: ReadonlyMap<string, number>;

  constructor(factors: Readonly<Record<string, number>> = {}) {
    this.#factors = new Map(Object.entries(factors));
  }

  /** `from.join=0,window=3`. */
  static parse(text: string): Weights {
    const pairs = text.split(",").filter((pair) => pair !== "");
    return new Weights(
      Object.fromEntries(
        pairs.map((pair) => {
          const [name = "", factor = ""] = pair.split("=");
          if (name === "" || factor === "" || Number.isNaN(Number(factor))) throw new RangeError(`no weight: ${pair}`);
          return [name, Number(factor)];
        }),
      ),
    );
  }

  /** Picks an alternative; the first when all are switched off. */
  choose<K extends string>(random: Random, area: string, alternatives: { readonly [key in K]: number }): K {
    if (this.#factors.size === 0) return random.weighted(alternatives);
    const weighed = Object.fromEntries(
      (Object.entries(alternatives) as [K, number][]).map(([name, weight]) => [
        name,
        weight * this.#factor(area, name),
      ]),
    ) as { [key in K]: number };
    return random.weighted(weighed);
  }

  /** True with the probability, as weighed by the feature's factor. */
  chance(random: Random, name: string, probability: number): boolean {
    return random.chance(probability * (this.#factors.get(name) ?? 1));
  }

  #factor(area: string, name: string): number {
    return this.#factors.get(`${area}.${name}`) ?? this.#factors.get(name) ?? this.#factors.get(area) ?? 1;
  }
}
