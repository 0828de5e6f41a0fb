import { describe, expect, it } from "vitest";
import { OptionsError } from "../../../src/errors.ts";
import { type FreshnessLevel, type ReadOptions, requirementOf } from "../../../src/freshness/level.ts";

describe("what a query requires", () => {
  it.each<[FreshnessLevel, ReadOptions, object]>([
    ["manual", {}, { strict: false, maxAgeMs: null, after: null, ownWrites: true }],
    ["manual", { maxAgeMs: 5 }, { maxAgeMs: 5 }],
    [{ ttl: 100 }, {}, { maxAgeMs: 100 }],
    [{ ttl: 100 }, { maxAgeMs: 7 }, { maxAgeMs: 7 }],
    [{ ttl: 100 }, { freshness: "manual" }, { maxAgeMs: null }],
    ["session", {}, { strict: false, maxAgeMs: 1000, ownWrites: true }],
    ["session", { maxAgeMs: 5000 }, { maxAgeMs: 1000 }],
    ["session", { freshness: "strict" }, { strict: true }],
    ["session", { freshness: "manual" }, { maxAgeMs: null, ownWrites: false }],
    ["session", { freshness: { ttl: 5000 } }, { maxAgeMs: 5000 }],
    ["strict", {}, { strict: true }],
    ["strict", { freshness: "session" }, { strict: false, maxAgeMs: 1000 }],
    ["strict", { after: "token" }, { strict: true, after: "token" }],
  ])("%j with %j", (level, options, expected) => {
    expect(requirementOf(level, 1000, options)).toMatchObject(expected);
  });

  it.each<[string, unknown, RegExp]>([
    ["a level above the engine's", { freshness: "session" }, /make it with freshness: "session"/],
    ["no level", { freshness: "fast" }, /"manual", \{ ttl: milliseconds \}.*received "fast"/],
    ["no age", { maxAgeMs: -1 }, /maxAgeMs.*received -1/],
    ["no token", { after: 7 }, /after.*received number/],
    ["another word", { maxAge: 7 }, /no option "maxAge"/],
  ])("refuses %s", (_name, options, message) => {
    expect(() => requirementOf("manual", 1000, options as ReadOptions)).toThrow(OptionsError);
    expect(() => requirementOf("manual", 1000, options as ReadOptions)).toThrow(message);
  });
});
