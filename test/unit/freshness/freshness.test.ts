import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FreshnessError } from "../../../src/errors.ts";
import type { ChangeSink, ChangeSource } from "../../../src/freshness/change-source.ts";
import { Freshness, type FreshnessState } from "../../../src/freshness/freshness.ts";
import { type FreshnessLevel, requirementOf } from "../../../src/freshness/level.ts";
import { until } from "../../support/engine.ts";

const LAG_MS = 600_000;

/** A change source whose answers the test gives, one question at a time. */
class ScriptedSource implements ChangeSource {
  readonly state = { position: "0/10", transactions: 3, changes: 7 };
  readonly questions: { readonly definitions: boolean; answer(confirmed: boolean): void }[] = [];
  starts = 0;
  stops = 0;
  startError: Error | null = null;
  reachedTokens: string[] = [];
  sink: ChangeSink | null = null;

  async start(sink: ChangeSink): Promise<void> {
    this.starts += 1;
    this.sink = sink;
    if (this.startError !== null) throw this.startError;
  }

  confirm({ definitions }: { readonly definitions: boolean }): Promise<boolean> {
    return new Promise((resolve) => this.questions.push({ definitions, answer: resolve }));
  }

  /** Answers the oldest question, once it was asked. */
  async answer(confirmed: boolean): Promise<void> {
    await until("the source is asked", () => this.questions.length > 0);
    this.questions.shift()?.answer(confirmed);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async reached(token: string): Promise<boolean> {
    return this.reachedTokens.includes(token);
  }

  async watch(): Promise<never> {
    throw new Error("nothing is loaded here");
  }

  unwatch(): void {}

  async token(): Promise<string> {
    return "token";
  }

  async stop(): Promise<void> {
    this.stops += 1;
  }
}

function open(level: FreshnessLevel, followed = true) {
  const source = new ScriptedSource();
  const calls: string[] = [];
  const states: FreshnessState[] = [];
  const faults: unknown[] = [];
  const oldest = { at: Number.POSITIVE_INFINITY };
  const freshness = new Freshness({
    level,
    maxLagMs: LAG_MS,
    sourceKind: "stream",
    source: followed ? source : null,
    host: {
      forgetRows: (ids) => calls.push(`rows ${ids}`),
      forgetDefinitions: (ids) => calls.push(`definitions ${ids}`),
      expireRows: (before) => {
        calls.push(`before ${before}`);
        return oldest.at;
      },
      recovered: () => calls.push("recovered"),
      onFault: (error) => faults.push(error),
      onState: (state) => states.push(state),
    },
  });
  const admits = (options = {}): Promise<boolean> =>
    freshness.admits(requirementOf(level, LAG_MS, options), [], performance.now());
  return { freshness, source, calls, states, faults, oldest, admits };
}

/** Followed, and confirmed once. */
async function openLive(level: FreshnessLevel = "session") {
  const opened = open(level);
  const started = opened.freshness.start();
  await opened.source.answer(true);
  await started;
  return opened;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the clock of freshness", () => {
  it("serves without a change source, but promises nothing", async () => {
    const { freshness, admits } = open("manual", false);
    await freshness.start();
    expect(freshness.serves([])).toBe(true);
    expect(freshness.stats()).toMatchObject({ level: "manual", source: null, state: "off", lagMs: null });
    expect(await admits()).toBe(true);
    expect(await admits({ after: "token" })).toBe(false);
    freshness.wrote("all");
    expect(freshness.serves([])).toBe(true);
  });

  it("serves from the first confirmation on, for as long as the lag allows", async () => {
    const { freshness, source, states } = open("session");
    expect(freshness.serves([])).toBe(false);
    const started = freshness.start();
    await until("it asks", () => source.questions.length > 0);
    expect(freshness.serves([])).toBe(false);
    expect(source.questions[0]?.definitions).toBe(true);
    // The time counts from when it was asked.
    vi.advanceTimersByTime(LAG_MS / 2);
    await source.answer(true);
    await started;
    expect(freshness.serves([])).toBe(true);
    expect(freshness.stats().lagMs).toBe(LAG_MS / 2);
    vi.advanceTimersByTime(LAG_MS / 2);
    expect(freshness.serves([])).toBe(false);
    expect(freshness.obstacle([])).toMatch(/confirmed catch-up/);
    expect(states).toEqual(["starting", "live"]);
  });

  it("an own write is served after a confirmation that began after it", async () => {
    const { freshness, source, admits } = await openLive();
    freshness.wrote("all");
    expect(freshness.serves([])).toBe(false);
    freshness.wrote("all");
    // This one was asked after the first write, and before the second.
    await source.answer(true);
    expect(freshness.serves([])).toBe(false);
    expect(freshness.obstacle([])).toMatch(/a write of this program/);
    const read = admits();
    await source.answer(true);
    expect(await read).toBe(true);
    expect(freshness.serves([])).toBe(true);
  });

  it("an own write that is not confirmed is asked about again, and the origin answers meanwhile", async () => {
    const { freshness, source, admits } = await openLive();
    freshness.wrote("all");
    await source.answer(false);
    expect(await admits()).toBe(false);
    expect(await admits({ freshness: "manual" })).toBe(true);
    await source.answer(true);
    expect(freshness.serves([])).toBe(true);
  });

  it("an own write stops the tables that it may have changed", async () => {
    const { freshness, source } = await openLive();
    const a = [{ table: { id: "a" } }];
    const b = [{ table: { id: "b" } }];
    freshness.wrote(["a"]);
    expect([freshness.serves(a), freshness.serves(b), freshness.serves([...a, ...b])]).toEqual([false, true, false]);
    freshness.wrote(["b", "c"]);
    // Asked after the first write, and before the second.
    await source.answer(true);
    expect([freshness.serves(a), freshness.serves(b)]).toEqual([true, false]);
    freshness.wrote("all");
    await source.answer(true);
    expect([freshness.serves(a), freshness.serves(b), freshness.serves([])]).toEqual([false, false, false]);
    await source.answer(true);
    expect([freshness.serves(a), freshness.serves(b)]).toEqual([true, true]);
  });

  it("a write of which it is not known yet where it went stops all tables until that is known", async () => {
    const { freshness, source } = await openLive();
    const a = [{ table: { id: "a" } }];
    const b = [{ table: { id: "b" } }];
    const reach = Promise.withResolvers<readonly string[]>();
    freshness.wrote(reach.promise);
    expect([freshness.serves(a), freshness.serves(b)]).toEqual([false, false]);
    reach.resolve(["a"]);
    await reach.promise;
    expect([freshness.serves(a), freshness.serves(b)]).toEqual([false, true]);
    // One that is never known is confirmed like any other, and so is what is known too late.
    const late = Promise.withResolvers<readonly string[]>();
    freshness.wrote(late.promise);
    freshness.wrote(Promise.reject(new Error("out of reach")));
    await source.answer(true);
    await source.answer(true);
    expect([freshness.serves(a), freshness.serves(b)]).toEqual([true, true]);
    late.resolve(["b"]);
    await late.promise;
    expect(freshness.serves(b)).toBe(true);
  });

  it("a loss stops serving at once, and what follows begins anew", async () => {
    const { freshness, source, calls, faults, states } = await openLive();
    source.startError = new Error("not yet");
    source.sink?.lost(new Error("gone"));
    expect(freshness.serves([])).toBe(false);
    expect(calls).toEqual(["rows all"]);
    expect(faults[0]).toBeInstanceOf(FreshnessError);
    await until("it tries again", () => source.starts >= 2);
    source.startError = null;
    await source.answer(true);
    await until("it recovers", () => calls.includes("recovered"));
    expect(freshness.serves([])).toBe(true);
    expect(states.at(-1)).toBe("live");
    expect(freshness.stats().losses).toBe(1);
  });

  it("what was asked before a loss confirms nothing after it", async () => {
    const { freshness, source } = await openLive();
    freshness.wrote("all");
    await until("it asks", () => source.questions.length > 0);
    source.sink?.lost(new Error("gone"));
    await source.answer(true);
    expect(freshness.serves([])).toBe(false);
    await freshness.stop();
  });

  it("a source that is lost while it starts is started again", async () => {
    const { freshness, source, calls } = open("session");
    const started = freshness.start();
    source.sink?.lost(new Error("gone"));
    await started;
    expect(freshness.serves([])).toBe(false);
    await until("it starts again", () => source.starts === 2);
    await source.answer(true);
    await until("it recovers", () => calls.includes("recovered"));
    expect(freshness.serves([])).toBe(true);
  });

  it("the first start raises what the source raises, and the next one tries again", async () => {
    const { freshness, source } = open("session");
    source.startError = new FreshnessError("wal_level");
    await expect(freshness.start()).rejects.toThrow("wal_level");
    expect(freshness.stats().state).toBe("new");
    source.startError = null;
    const started = freshness.start();
    await source.answer(true);
    await started;
    expect(freshness.serves([])).toBe(true);
  });

  it("strict: each read is confirmed, definitions included", async () => {
    const { freshness, source, admits } = await openLive("strict");
    expect(freshness.serves([])).toBe(false);
    expect(freshness.obstacle([])).toBeNull();
    const read = admits();
    await until("it asks", () => source.questions.length > 0);
    expect(source.questions[0]?.definitions).toBe(true);
    await source.answer(true);
    expect(await read).toBe(true);
    const refused = admits();
    await source.answer(false);
    expect(await refused).toBe(false);
  });

  it("a smaller age than the lag is caught up with", async () => {
    const { source, admits } = await openLive();
    vi.advanceTimersByTime(100);
    expect(await admits({ maxAgeMs: 100 })).toBe(true);
    const read = admits({ maxAgeMs: 99 });
    await source.answer(true);
    expect(await read).toBe(true);
  });

  it("a token is waited for", async () => {
    const { source, admits } = await openLive();
    source.reachedTokens = ["known"];
    expect(await admits({ after: "known" })).toBe(true);
    expect(await admits({ after: "unknown" })).toBe(false);
  });

  it("ttl: rows go when they are too old, at the moment that they would be served", async () => {
    const { freshness, calls, oldest } = open({ ttl: 1000 }, false);
    expect(freshness.serves([])).toBe(true);
    const at = performance.now();
    freshness.fetched(at);
    vi.advanceTimersByTime(999);
    expect(freshness.serves([])).toBe(true);
    expect(calls).toEqual([]);
    vi.advanceTimersByTime(1);
    oldest.at = at + 500;
    expect(freshness.serves([])).toBe(true);
    expect(calls).toEqual([`before ${at}`]);
    vi.advanceTimersByTime(499);
    expect(freshness.serves([])).toBe(true);
    expect(calls).toHaveLength(1);
  });

  it("stop ends everything, a reconnect included", async () => {
    const { freshness, source, states } = await openLive();
    source.startError = new Error("never");
    source.sink?.lost(new Error("gone"));
    await freshness.stop();
    const { starts } = source;
    expect(states.at(-1)).toBe("stopped");
    expect(source.stops).toBe(1);
    source.sink?.lost(new Error("again"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(source.starts).toBe(starts);
    expect(freshness.serves([])).toBe(false);
  });
});
