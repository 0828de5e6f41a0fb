import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { type ArrayValue, arrayText, isItems, leavesOf, readArray } from "../array-text.ts";

const REMEMBERED = 500;

/** The texts of constants come again with each row. */
function remembering<Value>(read: (text: string) => Value): (text: StoreValue) => Value {
  const known = new Map<StoreValue, Value>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      value = read(String(text));
      if (known.size >= REMEMBERED) known.clear();
      known.set(text, value);
    }
    return value;
  };
}

interface Leaves {
  readonly items: readonly (string | null)[];
  readonly set: ReadonlySet<string | null>;
}

/**
 * Functions over the texts of arrays. Items are equal if their texts are: the plan sees to it that this is so for the type.
 * `strict` says that an item that is NULL raises: the extension intarray has operators of its own for int4[] that do.
 */
export function registerArrayFunctions(target: FunctionTarget): void {
  const arrayOf = remembering<ArrayValue>(readArray);
  const leaves = remembering<Leaves>((text) => {
    const items = leavesOf(readArray(text).items);
    return { items, set: new Set(items) };
  });
  const pair = (name: string, holds: (a: Leaves, b: Leaves) => boolean): void => {
    target.function(name, { deterministic: true }, (a, b, strict) => {
      if (a === null || b === null) return null;
      const [left, right] = [leaves(a), leaves(b)];
      if (strict === 1 && (left.set.has(null) || right.set.has(null))) throw new RangeError("an array holds NULL");
      return holds(left, right) ? 1 : 0;
    });
  };
  // arraycontains() and arrayoverlap(): NULL is equal to nothing.
  pair("pg_array_contains", ({ set }, { items }) => items.every((item) => item !== null && set.has(item)));
  pair("pg_array_overlaps", ({ set }, { items }) => items.some((item) => item !== null && set.has(item)));
  // ExecEvalScalarArrayOp(): an empty array is false before anything is looked at.
  target.function("pg_array_has", { deterministic: true }, (array, item) => {
    if (array === null) return null;
    const { items, set } = leaves(array);
    if (items.length === 0) return 0;
    if (item === null) return null;
    if (set.has(String(item))) return 1;
    return set.has(null) ? null : 0;
  });
  target.function("pg_array_of", { deterministic: true, varargs: true }, (...items) =>
    arrayText(items.map((item) => (item === null ? null : String(item)))),
  );
  target.function("pg_array_length", { deterministic: true }, (array, dimension) => {
    if (array === null || dimension === null) return null;
    return arrayOf(array).lengths[Number(dimension) - 1] ?? null;
  });
  target.function("pg_array_dimensions", { deterministic: true }, (array) =>
    array === null ? null : arrayOf(array).lengths.length || null,
  );
  target.function("pg_array_cardinality", { deterministic: true }, (array) =>
    array === null ? null : leaves(array).items.length,
  );
  target.function("pg_array_position", { deterministic: true }, (array, item) => {
    if (array === null) return null;
    const { items, low } = arrayOf(array);
    const wanted = item === null ? null : String(item);
    if (items.some(isItems)) throw new RangeError("a search in an array of several dimensions");
    const index = items.indexOf(wanted);
    return index < 0 ? null : low + index;
  });
  target.function("pg_array_join", { deterministic: true }, (array, separator, forNull) => {
    if (array === null || separator === null) return null;
    const texts = leaves(array).items.map((item) => item ?? (forNull === null ? null : String(forNull)));
    return texts.filter((text) => text !== null).join(String(separator));
  });
}
