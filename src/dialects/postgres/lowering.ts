import type { Node } from "libpg-query";
import { type Bypass, type BypassReason, bypass } from "../../outcome.ts";
import type { Expression, Literal } from "../../parse/ast.ts";
import type { Token } from "../../parse/token.ts";

/** Deeper expressions are refused: lowering, typing and printing recurse. */
const MAXIMUM_DEPTH = 200;

/** Fields of the tree that a person would call something else. */
const FIELD_NAMES: ReadonlyMap<string, string> = new Map([
  ["agg_order", "ORDER BY"],
  ["agg_within_group", "WITHIN GROUP"],
  ["func_variadic", "VARIADIC"],
  ["groupDistinct", "GROUP BY DISTINCT"],
]);

/** Stands where something was refused; the whole lowering is then thrown away. */
export const REFUSED: Expression = { kind: "null" };

/**
 * One statement on its way from the origin's syntax tree to ours: remembers the first refusal, so that the lowering
 * functions need not hand it up, and ties constants of the tree to literal slots of the text.
 */
export class Lowering {
  readonly #tokens: readonly Token[];
  readonly #tokenAtByte: ReadonlyMap<number, number>;
  readonly #slotOfToken: ReadonlyMap<number, number>;
  readonly #lowered = new Set<number>();
  readonly #pinned = new Set<number>();
  #depth = 0;
  #windows: readonly Node[] = [];
  #refusal: Bypass | null = null;

  constructor(sql: string, tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#tokenAtByte = byteOffsets(sql, tokens);
    this.#slotOfToken = literalSlots(tokens);
  }

  /** The first refusal, if any: nothing that was lowered may be used then. */
  get refusal(): Bypass | null {
    return this.#refusal;
  }

  /** Slots whose values belong to the plan's key: those pinned, and those that no `Literal` stands for. */
  get pinned(): readonly number[] {
    const slots = [...this.#slotOfToken.values()];
    return slots.filter((slot) => this.#pinned.has(slot) || !this.#lowered.has(slot));
  }

  refuse(reason: BypassReason, detail: string): Expression {
    this.#refusal ??= bypass(reason, detail);
    return REFUSED;
  }

  /** The closed whitelist: refuses a node that carries any field beyond those that its lowering reads. */
  allow(node: object, what: string, fields: readonly string[]): void {
    for (const field of Object.keys(node)) {
      if (!fields.includes(field)) this.refuse("unsupported-syntax", `${what} with ${FIELD_NAMES.get(field) ?? field}`);
    }
  }

  /** The WINDOW clause of the SELECT that is being lowered. */
  get windows(): readonly Node[] {
    return this.#windows;
  }

  /** Lowers a SELECT whose windows these are. */
  within<Lowered>(windows: readonly Node[], lower: () => Lowered): Lowered {
    const outer = this.#windows;
    this.#windows = windows;
    try {
      return lower();
    } finally {
      this.#windows = outer;
    }
  }

  /** Lowers one level deeper. */
  descend<Lowered>(lower: () => Lowered, refused: Lowered): Lowered {
    if (this.#depth >= MAXIMUM_DEPTH) {
      this.refuse("unsupported-syntax", "an expression nested too deeply");
      return refused;
    }
    this.#depth++;
    try {
      return lower();
    } finally {
      this.#depth--;
    }
  }

  /**
   * The literal at a byte offset of the tree. Postgres folds `-5`, `- (5)` and even `- -5` into one constant with the
   * place of the first sign; `matches` compares the value that the tree holds with what we read from the text.
   */
  literal(location: number | undefined, matches: (token: Token, negated: boolean) => boolean): Expression {
    if (location === -1) return this.refuse("non-canonical-literal", "a constant that the text does not spell out");
    // absent fields have their default value, and that of a location is 0
    let index = this.#tokenAtByte.get(location ?? 0);
    let negated = false;
    let token = index === undefined ? undefined : this.#tokens[index];
    while (index !== undefined && token?.kind === "symbol" && (token.value === "-" || token.value === "(")) {
      if (token.value === "-") negated = !negated;
      token = this.#tokens[++index];
    }
    const slot = index === undefined ? undefined : this.#slotOfToken.get(index);
    if (token === undefined || slot === undefined || !isLiteral(token) || !matches(token, negated)) {
      return this.refuse("non-canonical-literal", "a constant in a spelling that the tokenizer does not read");
    }
    if (negated && token.kind === "decimal" && token.value === "9223372036854775808") {
      return this.refuse("non-canonical-literal", "the smallest bigint as a constant");
    }
    this.#lowered.add(slot);
    const literal: Literal = { kind: "literal", type: token.kind, text: token.value, negated, slot };
    return literal;
  }

  /** Makes the values of all literals below a part of the plan's key. */
  pin(lowered: unknown): void {
    for (const slot of literalsIn(lowered)) this.#pinned.add(slot);
  }
}

/** Slots of all literals in a lowered tree, or in a list of such trees. */
export function literalsIn(lowered: unknown): number[] {
  if (typeof lowered !== "object" || lowered === null) return [];
  if ("kind" in lowered && lowered.kind === "literal" && "slot" in lowered) return [Number(lowered.slot)];
  return Object.values(lowered).flatMap(literalsIn);
}

function isLiteral(token: Token): token is Token & { readonly kind: Literal["type"] } {
  return token.kind === "integer" || token.kind === "decimal" || token.kind === "string";
}

function literalSlots(tokens: readonly Token[]): Map<number, number> {
  const slots = new Map<number, number>();
  for (const [index, token] of tokens.entries()) if (isLiteral(token)) slots.set(index, slots.size);
  return slots;
}

/** Token indices by the byte offset, in UTF-8, at which each token starts: the parser counts bytes, JavaScript does not. */
function byteOffsets(sql: string, tokens: readonly Token[]): Map<number, number> {
  const offsets = new Map<number, number>();
  let bytes = 0;
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    while (at < token.start) {
      const point = sql.codePointAt(at) ?? 0;
      bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
      at += point < 0x10000 ? 1 : 2;
    }
    offsets.set(bytes, index);
  }
  return offsets;
}
