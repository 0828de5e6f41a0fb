import { describe, expect, it } from "vitest";
import { Governor, Ledger } from "../../src/governor.ts";

/** Loads of 200 ms that each save `hits` queries of 2 ms before a write overtakes them, from `now` on. */
function lose(ledger: Ledger, times: number, hits: number, now: number): void {
  for (let time = 0; time < times; time++) {
    ledger.weigh(now);
    ledger.loaded(200);
    for (let hit = 0; hit < hits; hit++) ledger.hit();
  }
  ledger.weigh(now);
}

function timed(): Ledger {
  const ledger = new Ledger("public.t");
  for (let time = 0; time < 50; time++) ledger.direct(2);
  return ledger;
}

describe("Ledger", () => {
  it("goes on while loads pay off", () => {
    const ledger = timed();
    lose(ledger, 50, 110, 0);
    expect(ledger.refusal(0)).toBeNull();
  });

  it("leaves a table alone after losses in a row, says so, and tries again", () => {
    const ledger = timed();
    lose(ledger, 7, 10, 0);
    expect(ledger.refusal(0)).toBeNull();
    lose(ledger, 1, 10, 0);
    expect(ledger.refusal(0)).toMatchObject({
      reason: "changes-too-often",
      detail: "public.t is written more often than its reads pay for; it is left alone for 1 s more",
    });
    expect(ledger.refusal(999)).not.toBeNull();
    expect(ledger.refusal(1000)).toBeNull();
    // One more loss, and it is left alone for twice as long; never for more than a minute.
    lose(ledger, 1, 10, 1000);
    expect(ledger.refusal(2999)).not.toBeNull();
    expect(ledger.refusal(3000)).toBeNull();
    for (let now = 3000, time = 0; time < 20; time++, now += 60_000) {
      lose(ledger, 1, 0, now);
      expect(ledger.refusal(now + 60_000)).toBeNull();
    }
  });

  it("one load that pays off ends the row", () => {
    const ledger = timed();
    lose(ledger, 7, 10, 0);
    lose(ledger, 1, 500, 0);
    lose(ledger, 7, 10, 0);
    expect(ledger.refusal(0)).toBeNull();
  });

  it("losses that cost little do not count", () => {
    const ledger = timed();
    for (let time = 0; time < 100; time++) {
      ledger.loaded(1);
      ledger.weigh(0);
    }
    expect(ledger.refusal(0)).toBeNull();
    ledger.loaded(1000);
    ledger.weigh(0);
    expect(ledger.refusal(0)).not.toBeNull();
  });

  it("what was not loaded cannot lose", () => {
    const ledger = timed();
    for (let time = 0; time < 100; time++) ledger.weigh(0);
    expect(ledger.refusal(0)).toBeNull();
  });
});

it("one ledger for each table", () => {
  const governor = new Governor();
  const table = { id: "1", schema: "s", name: "a" };
  expect(governor.of(table)).toBe(governor.of({ ...table }));
  expect(governor.of(table)).not.toBe(governor.of({ ...table, id: "2" }));
});
