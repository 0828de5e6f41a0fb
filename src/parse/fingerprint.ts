import type { Token } from "./token.ts";

/** A constant taken out of a text. Its index in `Fingerprint.literals` is its slot. */
interface LiteralValue {
  readonly kind: "integer" | "decimal" | "string";
  /** As `Token.value`: unescaped, without the sign that may stand before it. */
  readonly value: string;
}

/** A text without its constants, and the constants in the order of the text. */
export interface Fingerprint {
  readonly shape: string;
  readonly literals: readonly LiteralValue[];
}

/**
 * Takes the constants out of a text, so that texts that differ only in them share one plan.
 *
 * Invariant: two texts with the same shape have the same syntax tree up to the values of literals *and* the same types
 * for them. The first holds because a shape reads back as exactly the token sequence that it was made of: tokens are
 * self-delimiting and one blank apart, and each marker is itself a literal of its kind. The second because the marker
 * of an integer says its width, and the two numbers whose type depends on a sign before them stand for themselves.
 */
export function fingerprint(tokens: readonly Token[]): Fingerprint {
  let shape = "";
  const literals: LiteralValue[] = [];
  for (const token of tokens) {
    switch (token.kind) {
      case "string":
        shape += "'' ";
        literals.push({ kind: "string", value: token.value });
        break;
      case "integer":
        shape += `${integerMarker(token.value)} `;
        literals.push({ kind: "integer", value: token.value });
        break;
      case "decimal":
        shape += token.value === INT8_MINIMUM ? `${INT8_MINIMUM} ` : "0.0 ";
        literals.push({ kind: "decimal", value: token.value });
        break;
      default:
        shape += `${token.value} `;
    }
  }
  return { shape, literals };
}

/** int4 with a minus sign, int8 without. */
const INT4_MINIMUM = "2147483648";
/** int8 with a minus sign, numeric without. */
const INT8_MINIMUM = "9223372036854775808";
/** Some number that is int8 with either sign. */
const INT8_MARKER = "3000000000";

function integerMarker(value: string): string {
  if (value.length < 10 || (value.length === 10 && value < INT4_MINIMUM)) return "0";
  return value === INT4_MINIMUM ? INT4_MINIMUM : INT8_MARKER;
}
