import { type QueryFunction, REPLACED } from "./driver.ts";

/** A `query` that was put before the one of the class, or before another one of the object. */
export interface OwnProperty {
  readonly original: QueryFunction;
  /** Takes it away again, unless somebody has put another one before it since. */
  restore(): void;
}

/**
 * Puts a `query` of its own into an object, as a property that no enumeration shows: the object stays what it is, for
 * `instanceof` and for whoever holds it already.
 */
export function replaceQuery(
  target: { query: QueryFunction },
  create: (original: QueryFunction) => (args: readonly unknown[]) => unknown,
): OwnProperty {
  const before = Object.getOwnPropertyDescriptor(target, "query");
  const original = target.query;
  const answer = create(original);
  function query(...args: readonly unknown[]): unknown {
    return answer(args);
  }
  Object.defineProperty(query, REPLACED, { value: original });
  Object.defineProperty(target, "query", { value: query, writable: true, configurable: true, enumerable: false });
  return {
    original,
    restore() {
      if (target.query !== query) return;
      if (before === undefined) Reflect.deleteProperty(target, "query");
      else Object.defineProperty(target, "query", before);
    },
  };
}
