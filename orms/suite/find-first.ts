import type { Session } from "../program.ts";

const CALLS = 40;

/** Microseconds that one `findFirst` takes, end to end through the library: the median of interleaved rounds. */
export async function findFirstTimes(
  plain: Session,
  cached: Session,
  rounds: number,
): Promise<{ readonly plain: number; readonly cached: number }> {
  const times: Record<"plain" | "cached", number[]> = { plain: [], cached: [] };
  for (let round = 0; round < rounds; round++) {
    times.plain.push(await timeOf(plain));
    times.cached.push(await timeOf(cached));
  }
  return { plain: median(times.plain), cached: median(times.cached) };
}

async function timeOf(session: Session): Promise<number> {
  const started = performance.now();
  for (let call = 0; call < CALLS; call++) await session.findFirst();
  return ((performance.now() - started) * 1000) / CALLS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
