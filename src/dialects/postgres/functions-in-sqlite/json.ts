import type { FunctionTarget, StoreValue } from "../../../store/contract.ts";
import { compileShape, type Encoder, type EntryEncoder } from "./json-shape.ts";
import { jsonbObject, jsonbText } from "./jsonb.ts";

const SHAPES = 1000;

/** Compiled shapes by their text; the text of a plan is constant, so that a call finds its own by one look-up. */
function shapeCache<Compiled>(compile: (text: string) => Compiled): (text: StoreValue) => Compiled {
  const known = new Map<StoreValue, Compiled>();
  return (text) => {
    let compiled = known.get(text);
    if (compiled === undefined) {
      if (known.size >= SHAPES) known.clear();
      compiled = compile(String(text));
      known.set(text, compiled);
    }
    return compiled;
  };
}

/** JSON as the origin prints it. The first argument is the shape (see `json-shape.ts`), the others are its values. */
export function registerJson(target: FunctionTarget): void {
  const options = { deterministic: true, varargs: true };
  for (const binary of [false, true]) {
    const name = binary ? "jsonb" : "json";
    const shapes = shapeCache((text) => compileShape(text, binary));
    target.function(`pg_${name}`, options, (shape = null, ...values) => {
      const { encode, isValue } = shapes(shape);
      // to_json(NULL) is NULL, not the JSON null.
      return isValue && values[0] === null ? null : encode(values);
    });
    registerAggregates(
      target,
      name,
      (shape) => shapes(shape).encode,
      (shape) => shapes(shape).entry,
      binary,
    );
  }
  target.function("pg_jsonb_text", { deterministic: true }, (value) =>
    value === null ? null : jsonbText(String(value)),
  );
  target.aggregate<string[]>("pg_json_list", {
    deterministic: true,
    start: () => [],
    step: (items, item) => {
      items.push(item === null ? "null" : String(item));
      return items;
    },
    result: (items) => (items.length === 0 ? null : `[${items.join(", ")}]`),
  });
}

/** Rows and arrays stand on lines of their own, but for the first; NULL does not (json_agg_transfn). */
function structuredItems(items: readonly string[]): string {
  return items.map((item, index) => (index === 0 ? item : `${item === "null" ? ", " : ", \n "}${item}`)).join("");
}

function registerAggregates(
  target: FunctionTarget,
  name: string,
  encoderOf: (shape: StoreValue) => Encoder,
  entryOf: (shape: StoreValue) => EntryEncoder,
  binary: boolean,
): void {
  const options = { deterministic: true, varargs: true };
  const array = (aggregate: string, print: (items: readonly string[]) => string): void => {
    target.aggregate<string[]>(aggregate, {
      ...options,
      start: () => [],
      step: (items, shape = null, ...values) => {
        items.push(encoderOf(shape)(values));
        return items;
      },
      result: (items) => (items.length === 0 ? null : `[${print(items)}]`),
    });
  };
  array(`pg_${name}_agg`, (items) => items.join(", "));
  if (!binary) array("pg_json_rows_agg", structuredItems);
  target.aggregate<(readonly [key: string, value: string])[]>(`pg_${name}_object_agg`, {
    ...options,
    start: () => [],
    step: (entries, shape = null, ...values) => {
      entries.push(entryOf(shape)(values));
      return entries;
    },
    result: (entries) => {
      if (entries.length === 0) return null;
      if (binary) return jsonbObject(entries);
      return `{ ${entries.map(([key, value]) => `${JSON.stringify(key)} : ${value}`).join(", ")} }`;
    },
  });
}
