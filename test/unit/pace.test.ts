import { describe, expect, it } from "vitest";
import { Pace } from "../../src/execute/pace.ts";

const MINUTE = 60_000;

describe("Pace", () => {
  it("gives a scan five seconds, or twice as long as the origin took", () => {
    const pace = new Pace();
    expect(pace.patienceMs).toBe(5000);
    pace.answered(100);
    expect(pace.patienceMs).toBe(5000);
    pace.answered(3000);
    expect(pace.patienceMs).toBe(6000);
  });

  it("leaves a shape to the origin where a scan has no end, longer each time", () => {
    const pace = new Pace();
    expect(pace.refusal(0)).toBeNull();
    expect(pace.gaveUp(0)).toMatchObject({
      reason: "slower-than-origin",
      detail: "SQLite had no answer after 5000 ms",
    });
    pace.answered(300);
    expect(pace.refusal(1000)).toMatchObject({
      reason: "slower-than-origin",
      detail: "SQLite took 5000 ms or longer; it is asked again in 59 s",
    });
    expect(pace.refusal(MINUTE)).toBeNull();
    pace.gaveUp(MINUTE);
    expect(pace.refusal(3 * MINUTE - 1)).not.toBeNull();
    expect(pace.refusal(3 * MINUTE)).toBeNull();
    for (let time = 0; time < 20; time++) pace.gaveUp(0);
    expect(pace.refusal(60 * MINUTE - 1)).not.toBeNull();
    expect(pace.refusal(60 * MINUTE)).toBeNull();
  });

  it("leaves a shape to the origin whose scans end, but take more than twice as long", () => {
    const pace = new Pace();
    pace.answered(800);
    pace.scanned(1500, 0);
    expect(pace.refusal(0)).toBeNull();
    pace.scanned(1700, 0);
    expect(pace.refusal(0)?.detail).toBe("SQLite took 1700 ms or longer; it is asked again in 60 s");
  });

  it("never minds a scan of a second", () => {
    const pace = new Pace();
    pace.answered(1);
    pace.scanned(1000, 0);
    expect(pace.refusal(0)).toBeNull();
  });

  it("has the origin asked once where its time is not known: it may be as slow", () => {
    const pace = new Pace();
    pace.scanned(3000, 0);
    expect(pace.refusal(0)).not.toBeNull();
    pace.answered(1600);
    expect(pace.refusal(0)).toBeNull();
    pace.scanned(3000, 0);
    expect(pace.refusal(0)).toBeNull();
  });

  it("gives the next scan more time where the origin turns out to be slow", () => {
    const pace = new Pace();
    pace.gaveUp(0);
    pace.answered(6000);
    expect(pace.refusal(1)).toBeNull();
    expect(pace.patienceMs).toBe(12_000);
  });

  it("times what the origin is asked for, and passes its error on", async () => {
    const pace = new Pace();
    expect(await pace.timing(async () => 7)).toBe(7);
    await expect(pace.timing(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
