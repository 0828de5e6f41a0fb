import type { Binder } from "../../execute/bind.ts";
import type { StoreValue } from "../../store/contract.ts";
import { type ArrayItem, arrayText, isItems, readArray } from "./array-text.ts";

/**
 * Binds arrays as the text that the origin would send: JS arrays, which `pg` writes with each item in quotes, and array
 * literals. An item that is NULL is left to the origin: what it means depends on `array_nulls`.
 */
export function arrayBinder(item: Binder, isTruth: boolean): Binder {
  const textOf = (value: unknown): string | undefined => {
    const bound = value === null || value === undefined ? undefined : item(value);
    if (bound === undefined || bound === null) return undefined;
    return isTruth ? (Number(bound) === 1 ? "t" : "f") : String(bound);
  };
  return (value) => {
    if (value === null || value === undefined) return null;
    const items = itemsOf(value);
    const texts = items === undefined ? undefined : mapped(items, textOf);
    return texts === undefined ? undefined : regularText(texts);
  };
}

/** The items of an array literal of one dimension. */
export function literalItems(text: string): readonly (string | null)[] | undefined {
  const items = itemsOf(text);
  const flat: (string | null)[] = [];
  for (const item of items ?? []) {
    if (typeof item !== "string") return undefined;
    flat.push(item);
  }
  return items === undefined ? undefined : flat;
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string" || !value.startsWith("{")) return undefined;
  try {
    return readArray(value).items;
  } catch {
    return undefined;
  }
}

function mapped(
  items: readonly unknown[],
  textOf: (value: unknown) => string | undefined,
): readonly ArrayItem[] | undefined {
  const texts: ArrayItem[] = [];
  for (const item of items) {
    const text = Array.isArray(item) ? mapped(item, textOf) : textOf(item);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

/** Arrays of several dimensions have to be regular, and none in them is empty. */
function regularText(items: readonly ArrayItem[]): StoreValue | undefined {
  const text = arrayText(items);
  if (!items.some(isItems)) return text;
  try {
    readArray(text);
    return text;
  } catch {
    return undefined;
  }
}
