import { Document, type Kind, numberKey } from "./document-reader.ts";

/** A text that two values of jsonb share if they are equal: their own text, but for the zeros at the end of numbers. */
export function documentKey(text: string): string {
  const document = new Document(text);
  switch (document.kind) {
    case "number":
      return numberKey(text.trim());
    case "array":
      return `[${document.items().map(documentKey).join(",")}]`;
    case "object":
      return `{${[...document.entries()].map(([key, value]) => `${JSON.stringify(key)}:${documentKey(value)}`).join(",")}}`;
    default:
      return text.trim();
  }
}

/** `jsonb_contains` (JsonbDeepContains in src/backend/utils/adt/jsonb_util.c): a scalar is found in an array only at the top. */
export function contains(whole: string, part: string): boolean {
  const [a, b] = [new Document(whole), new Document(part)];
  if (a.kind === "array" && isScalar(b.kind)) return a.items().some((item) => isEqualScalar(item, part));
  return containsDeeply(a, b);
}

function containsDeeply(whole: Document, part: Document): boolean {
  if (whole.kind !== part.kind) return false;
  if (whole.kind === "object") {
    const entries = whole.entries();
    return [...part.entries()].every(([key, value]) => {
      const found = entries.get(key);
      return found !== undefined && containsDeeply(new Document(found), new Document(value));
    });
  }
  if (whole.kind === "array") {
    const items = whole.items().map((item) => new Document(item));
    return part.items().every((wanted) => {
      const other = new Document(wanted);
      return items.some((item) => containsDeeply(item, other));
    });
  }
  return isEqualScalar(whole.text, part.text);
}

function isEqualScalar(a: string, b: string): boolean {
  const kind = new Document(a).kind;
  if (!isScalar(kind) || kind !== new Document(b).kind) return false;
  return documentKey(a) === documentKey(b);
}

function isScalar(kind: Kind): boolean {
  return kind !== "object" && kind !== "array";
}

/** JB values in the order of their types (enum jbvType of src/include/utils/jsonb.h). */
const RANKS: Partial<Record<Kind, number>> = { null: 0, string: 1, number: 2, boolean: 3 };

/**
 * `compareJsonbContainers` for what is no array and no object. Strings follow the collation of the database, which is not
 * known here: two different ones raise.
 */
export function compareScalars(a: string, b: string): number {
  const [left, right] = [new Document(a).kind, new Document(b).kind];
  const [leftRank, rightRank] = [RANKS[left], RANKS[right]];
  if (leftRank === undefined || rightRank === undefined) throw new RangeError("the order of arrays and objects");
  if (leftRank !== rightRank) return leftRank - rightRank;
  if (left === "number") return compareNumbers(a.trim(), b.trim());
  if (left === "boolean") return Number(a.trim() === "true") - Number(b.trim() === "true");
  if (a !== b) throw new RangeError("the order of two strings");
  return 0;
}

function compareNumbers(a: string, b: string): number {
  const [x, y] = [numberKey(a), numberKey(b)];
  if (x === y) return 0;
  const negative = x.startsWith("-");
  if (negative !== y.startsWith("-")) return negative ? -1 : 1;
  const larger = isLarger(x.replace("-", ""), y.replace("-", ""));
  return larger === negative ? -1 : 1;
}

function isLarger(a: string, b: string): boolean {
  const [whole = "", fraction = ""] = a.split(".");
  const [otherWhole = "", otherFraction = ""] = b.split(".");
  if (whole.length !== otherWhole.length) return whole.length > otherWhole.length;
  return whole === otherWhole ? fraction > otherFraction : whole > otherWhole;
}
