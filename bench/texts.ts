import type { Bench } from "./bench.ts";
import { randomNumbers } from "./dataset.ts";
import { atMost, milliseconds, type Section, times } from "./report.ts";
import { awaited, runRounds } from "./rounds.ts";

const PARAMETER = "known text, $1";
const KNOWN = "known text, inlined literal";
const NEW_TEXT = "new text of a known shape";
const NEW_SHAPE = "new shape";

/** What it costs to recognise a statement: by its exact text, by its shape, or not at all. */
export async function measureTexts(bench: Bench): Promise<readonly Section[]> {
  await using engine = bench.openEngine();
  const ids = randomNumbers(2000, bench.rows);
  const idAt = (index: number): number => ids[index % ids.length] ?? 1;
  const select = "SELECT id, customer_id, email, status FROM orders WHERE id =";
  for (const id of ids) await engine.execute(`${select} ${id}`);
  await engine.execute(`${select} $1`, [1]);
  const rounds = await runRounds(
    [
      awaited(PARAMETER, (index) => engine.execute(`${select} $1`, [idAt(index)])),
      awaited(KNOWN, (index) => engine.execute(`${select} ${idAt(index)}`)),
      // Another blank each time: a text that was never seen, as different as another literal would make it.
      awaited(NEW_TEXT, (index) => engine.execute(`${select} ${idAt(index)} -- ${index}`)),
      awaited(NEW_SHAPE, (index) => engine.execute(`SELECT id AS id${index}, status FROM orders WHERE id = $1`, [1])),
    ],
    { turnMs: 20 * bench.effort, rounds: Math.ceil(15 * bench.effort) },
  );
  const more = (name: string, base: string): number =>
    1000 * rounds.milliseconds(base) * (rounds.ratio(name, base) - 1);
  const section: Section = {
    title: "Hit: how the statement is recognised (one row by its primary key)",
    measurements: rounds.names.map((name) => ({
      name,
      quantities: {
        "per call": milliseconds(rounds.milliseconds(name)),
        "of the first": times(rounds.ratio(name, PARAMETER)),
      },
    })),
    notes: ["A new shape asks the origin once to describe the statement: one round trip."],
    targets: [atMost("a new text of a known shape, more than a known one", more(NEW_TEXT, KNOWN), 15, "µs")],
  };
  return [section];
}
