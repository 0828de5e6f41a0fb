import type { QueryReport } from "./session.ts";

/** The reports as a table, with the sums below it. */
export function reportText(reports: readonly QueryReport[]): string {
  const header = ["query", "answered by", "reason", "rows", "first hit ms", "last run ms", "Postgres ms", "detail"];
  const rows = reports.map((report) => [
    report.name,
    report.outcome,
    report.reason ?? "",
    String(report.rows),
    report.firstHitMs === null ? "" : milliseconds(report.firstHitMs),
    milliseconds(report.lastMs),
    milliseconds(report.originMs),
    report.detail ?? "",
  ]);
  return `${table([header, ...rows])}\n\n${sumsText(reports)}`;
}

/** How many were answered by whom, each reason with its queries, and each difference. */
export function sumsText(reports: readonly QueryReport[]): string {
  const lines: string[] = [];
  const answered = Map.groupBy(reports, ({ outcome }) => outcome);
  const share =
    (answered.get("cache")?.length ?? 0) / Math.max(1, reports.length - (answered.get("error")?.length ?? 0));
  lines.push(
    `${reports.length} queries: ${[...answered].map(([outcome, list]) => `${list.length} ${outcome}`).join(", ")}`,
    `from the cache: ${(share * 100).toFixed(1)} % of those with one answer`,
  );
  const reasons = Map.groupBy(
    reports.filter(({ outcome }) => outcome === "origin"),
    ({ reason }) => reason ?? "none",
  );
  for (const [reason, list] of [...reasons].sort(([, a], [, b]) => b.length - a.length)) {
    const names = list.map(({ name }) => name).join(" ");
    lines.push(
      `  ${String(list.length).padStart(4)}  ${reason}: ${names.length > 300 ? `${names.slice(0, 300)} …` : names}`,
    );
  }
  const unordered = answered.get("unordered") ?? [];
  if (unordered.length > 0) {
    const names = unordered.map(({ name }) => name).join(" ");
    lines.push(`one of several answers that the origin gives, by the order of stored rows: ${names}`);
  }
  const empty = reports.filter(({ allNull, outcome }) => allNull && outcome !== "error");
  lines.push(`without rows, or only NULL: ${empty.length}`);
  const different = reports.filter(({ difference }) => difference !== null);
  lines.push(`different from Postgres: ${different.length}`);
  for (const { name, difference } of different) lines.push(`  ${name}: ${difference}`);
  return lines.join("\n");
}

const DETAILS = 60;

/** The most frequent details of the refusals, each with its reason and the first query that has it. */
export function detailsText(reports: readonly QueryReport[]): string {
  const refused = reports.filter(({ outcome }) => outcome === "origin");
  const details = Map.groupBy(refused, ({ reason, detail }) => `${reason}: ${detail}`);
  const ranked = [...details].sort(([, a], [, b]) => b.length - a.length);
  const lines = ranked
    .slice(0, DETAILS)
    .map(([detail, list]) => `  ${String(list.length).padStart(4)}  ${detail}  (${list[0]?.name})`);
  return [`${ranked.length} details, the most frequent:`, ...lines].join("\n");
}

function milliseconds(ms: number): string {
  return ms < 1 ? ms.toFixed(3) : ms.toFixed(1);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
