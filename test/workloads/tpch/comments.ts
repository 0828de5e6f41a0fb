import type { Random } from "../../oracle/random.ts";
import { COMMENT_WORDS } from "./vocabulary.ts";

const POOL_LENGTH = 400_000;

/** Pieces of one long text of sentences, as the specification's own generator cuts its comments (clause 4.2.2.10). */
export class Comments {
  readonly #random: Random;
  readonly #pool: string;

  constructor(random: Random) {
    this.#random = random;
    let pool = "";
    while (pool.length < POOL_LENGTH) pool += `${sentence(random)} `;
    this.#pool = pool;
  }

  /** Of `low` to `high` characters. */
  take(low: number, high: number): string {
    const start = this.#random.int(0, POOL_LENGTH - high);
    return this.#pool.slice(start, start + this.#random.int(low, high));
  }
}

function sentence(random: Random): string {
  const words = COMMENT_WORDS;
  const noun = () => random.pick(random.chance(0.4) ? words.frequentNouns : words.nouns);
  const adjective = () => random.pick(words.adjectives);
  const nounPhrase = () =>
    random.pick([
      noun,
      () => `${adjective()} ${noun()}`,
      () => `${adjective()}, ${adjective()} ${noun()}`,
      () => `${random.pick(words.adverbs)} ${adjective()} ${noun()}`,
    ])();
  const verb = () => random.pick(words.verbs);
  const verbPhrase = () =>
    random.pick([
      verb,
      () => `${random.pick(words.auxiliaries)} ${verb()}`,
      () => `${verb()} ${random.pick(words.adverbs)}`,
      () => `${random.pick(words.auxiliaries)} ${verb()} ${random.pick(words.adverbs)}`,
    ])();
  const prepositional = () => `${random.pick(words.prepositions)} the ${nounPhrase()}`;
  const parts = random.pick([
    () => [nounPhrase(), verbPhrase()],
    () => [nounPhrase(), verbPhrase(), prepositional()],
    () => [nounPhrase(), verbPhrase(), nounPhrase()],
    () => [nounPhrase(), prepositional(), verbPhrase(), nounPhrase()],
    () => [nounPhrase(), prepositional(), verbPhrase(), prepositional()],
  ])();
  return `${parts.join(" ")}${random.pick(words.terminators)}`;
}
