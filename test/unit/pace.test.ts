import { expect, it } from "vitest";
import { Pace } from "../../src/execute/pace.ts";

const MINUTE = 60_000;

it("a scan has a second, or twice as long as the origin took", () => {
  const pace = new Pace();
  expect(pace.patienceMs).toBe(1000);
  pace.answered(100);
  expect(pace.patienceMs).toBe(1000);
  pace.answered(700);
  expect(pace.patienceMs).toBe(1400);
});

it("a shape that the origin answers faster is left to it, longer each time", () => {
  const pace = new Pace();
  expect(pace.refusal(0)).toBeNull();
  expect(pace.gaveUp(0)).toMatchObject({ reason: "slower-than-origin", detail: "SQLite had no answer after 1000 ms" });
  pace.answered(300);
  expect(pace.refusal(1000)).toMatchObject({
    reason: "slower-than-origin",
    detail: "SQLite had no answer after 1000 ms; it is asked again in 59 s",
  });
  expect(pace.refusal(MINUTE)).toBeNull();
  pace.gaveUp(MINUTE);
  expect(pace.refusal(3 * MINUTE - 1)).not.toBeNull();
  expect(pace.refusal(3 * MINUTE)).toBeNull();
  for (let time = 0; time < 20; time++) pace.gaveUp(0);
  expect(pace.refusal(60 * MINUTE - 1)).not.toBeNull();
  expect(pace.refusal(60 * MINUTE)).toBeNull();
});

it("where the origin turns out to be slow, the next scan has more time at once", () => {
  const pace = new Pace();
  pace.gaveUp(0);
  pace.answered(4000);
  expect(pace.refusal(1)).toBeNull();
  expect(pace.patienceMs).toBe(8000);
});

it("what the origin is asked for is timed, and its error passed on", async () => {
  const pace = new Pace();
  expect(await pace.timing(async () => 7)).toBe(7);
  await expect(pace.timing(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
});
