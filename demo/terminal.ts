import { styleText } from "node:util";

// What the demo prints with. Colours and the moving progress line only where stdout is a terminal; NO_COLOR is respected.

const out = process.stdout;
const moving = out.isTTY === true;

type Style = Parameters<typeof styleText>[0];

export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: out });
}

export function say(text = ""): void {
  out.write(`${text}\n`);
}

export function heading(number: number, title: string): void {
  say();
  say(paint(["bold", "cyan"], `${number}. ${title}`));
}

/** SQL on one line, its key words bright. */
export function sqlText(sql: string): string {
  const words = /\b(SELECT|FROM|WHERE|ORDER BY|GROUP BY|LIMIT|DESC|AND|JOIN|ON|AS|UPDATE|SET|INSERT INTO|VALUES)\b/g;
  return sql.replaceAll(words, (word) => paint("bold", word));
}

/** A line that is rewritten while something goes on, and stays once it is done. */
export function progress(label: string): { at(fraction: number): void; done(note: string): void } {
  const started = performance.now();
  const width = 28;
  const show = (text: string): void => {
    if (moving) out.write(`\r\u001B[K   ${label} ${text}`);
  };
  show("…");
  return {
    at(fraction) {
      const filled = Math.round(fraction * width);
      show(`${paint("green", "━".repeat(filled))}${paint("dim", "━".repeat(width - filled))} ${percent(fraction)}`);
    },
    done(note) {
      if (moving) out.write("\r\u001B[K");
      say(`   ${label} ${paint("dim", `${note}, ${duration(performance.now() - started)}`)}`);
    },
  };
}

/** Rows as a small table; numbers to the right. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[] = [],
): void {
  const widths = headers.map((header, index) => Math.max(header.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join("   ");
  say(`   ${paint("dim", line(headers))}`);
  say(`   ${paint("dim", widths.map((width) => "─".repeat(width)).join("───"))}`);
  for (const row of rows) say(`   ${line(row)}`);
}

/** `3.4 µs`, `12.1 ms`, `1.25 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 0.995) return `${(milliseconds * 1000).toPrecision(3)} µs`;
  if (milliseconds < 995) return `${milliseconds.toPrecision(3)} ms`;
  return `${(milliseconds / 1000).toPrecision(3)} s`;
}

/** `32 ×`, `0.8 ×`. */
export function factor(value: number): string {
  return `${value < 9.95 ? value.toFixed(1) : count(Math.round(value))} ×`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function bytes(value: number): string {
  return value < 1_000_000 ? `${Math.ceil(value / 1000)} kB` : `${(value / 1_000_000).toFixed(1)} MB`;
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`.padStart(5);
}
