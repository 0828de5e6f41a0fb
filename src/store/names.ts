/** Tables and indexes of the store's own start so; no stored table may. SQLite reserves its own prefix as well. */
export const OWN_PREFIX = "sqlmem_";

/** The schema whose tables are stored under their bare names, so that a person finds `orders` as `orders`. */
const PLAIN_SCHEMA = "public";

const RESERVED = /^(?:sqlmem_|sqlite_)/i;

/** SQLite compares names without regard to ASCII case; folding more than it does only avoids more names. */
export function foldName(name: string): string {
  return name.toLowerCase();
}

/** A free name for a table of the origin. `taken` is asked with folded names. */
export function chooseTableName(
  table: { readonly id: string; readonly schema: string; readonly table: string },
  taken: (folded: string) => boolean,
): string {
  const qualified = `${table.schema}.${table.table}`;
  const candidates = [
    ...(table.schema === PLAIN_SCHEMA ? [table.table] : []),
    qualified,
    `${qualified}#${table.id}`,
    `#${table.id}`,
  ];
  return firstFree(candidates, taken);
}

export function chooseDictionaryName(storeName: string, column: string, taken: (folded: string) => boolean): string {
  const name = `${storeName}:${column}:dictionary`;
  return firstFree([name, `#${name}`], taken);
}

function firstFree(candidates: readonly string[], taken: (folded: string) => boolean): string {
  const free = candidates.find((name) => !RESERVED.test(name) && !taken(foldName(name)));
  if (free !== undefined) {
    return free;
  }
  const last = candidates.at(-1) ?? "#";
  for (let n = 2; ; n++) {
    const name = `#${last}#${n}`;
    if (!taken(foldName(name))) {
      return name;
    }
  }
}
