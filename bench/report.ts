export interface Quantity {
  readonly value: number;
  /** `×`: times another quantity, which the column's name tells. */
  readonly unit: "ms" | "rows/s" | "queries/s" | "%" | "bytes/row" | "MB" | "×";
}

/** One line of a section; its quantities by the names of their columns. */
export interface Measurement {
  readonly name: string;
  readonly quantities: Readonly<Record<string, Quantity>>;
}

export function milliseconds(value: number): Quantity {
  return { value, unit: "ms" };
}

export function times(value: number): Quantity {
  return { value, unit: "×" };
}

/** What one part of the bench found out. */
export interface Section {
  readonly title: string;
  readonly measurements: readonly Measurement[];
  readonly notes?: readonly string[];
  readonly targets?: readonly Target[];
}

/** Something that was promised. */
export interface Target {
  readonly name: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

export function atMost(name: string, measured: number, limit: number, unit: string): Target {
  return { name, wanted: `≤ ${short(limit)} ${unit}`, measured: `${short(measured)} ${unit}`, met: measured <= limit };
}

export function atLeast(name: string, measured: number, limit: number, unit: string): Target {
  return { name, wanted: `≥ ${short(limit)} ${unit}`, measured: `${short(measured)} ${unit}`, met: measured >= limit };
}

export function printSection({ title, measurements, notes = [], targets = [] }: Section): void {
  const columns = [...new Set(measurements.flatMap(({ quantities }) => Object.keys(quantities)))];
  const lines = measurements.map(({ name, quantities }) => [
    name,
    ...columns.map((column) => text(quantities[column])),
  ]);
  say(`\n${title}`);
  printColumns([["", ...columns], ...lines]);
  for (const note of notes) say(`  ${note}`);
  for (const target of targets) say(`  ${targetLine(target)}`);
}

export function printTargets(sections: readonly Section[]): void {
  const targets = sections.flatMap((section) => section.targets ?? []);
  say(`\nTargets: ${targets.filter((target) => target.met).length} of ${targets.length} met`);
  for (const target of targets) if (!target.met) say(`  ${targetLine(target)}`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function targetLine({ name, wanted, measured, met }: Target): string {
  return `${met ? "met   " : "MISSED"}  ${name}: ${measured} (wanted ${wanted})`;
}

/** The first column to the left, the others to the right. */
function printColumns(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    say(`  ${cells.join("   ").trimEnd()}`);
  }
}

function text(quantity: Quantity | undefined): string {
  if (quantity === undefined) return "";
  const { value, unit } = quantity;
  if (unit === "ms" && value < 1) return `${short(value * 1000)} µs`;
  return `${short(value)} ${unit}`;
}

/** Three digits. */
function short(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
