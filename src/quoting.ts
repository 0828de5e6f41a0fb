// Standard SQL, which SQLite and Postgres both read.

/** A name as it stands, no letter of it folded. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as a constant. In Postgres under `standard_conforming_strings`. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
