import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OptionsError, SqlmemError } from "../../src/errors.ts";
import { type EngineOptions, resolveOptions } from "../../src/options.ts";

let directory: string;
let before: string;

beforeEach(() => {
  before = process.cwd();
  directory = mkdtempSync(path.join(tmpdir(), "sqlmem-options-"));
  process.chdir(directory);
  directory = process.cwd();
});

afterEach(() => {
  process.chdir(before);
  rmSync(directory, { recursive: true });
});

function refused(options: unknown, variables: Record<string, string> = {}): string {
  try {
    resolveOptions(options as EngineOptions, variables);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsError);
    expect(error).toBeInstanceOf(SqlmemError);
    expect(error).toMatchObject({ name: "OptionsError", code: "ERR_SQLMEM_OPTIONS" });
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

describe("defaults", () => {
  it("are strict, with a snapshot file in the working directory", () => {
    expect(resolveOptions(undefined, {})).toEqual({
      mode: "strict",
      joins: false,
      wildcards: false,
      writes: "block",
      cacheDb: path.join(directory, "cache.db"),
      backupIntervalSeconds: 3600,
      maxBytes: 2 ** 30,
      maxTableRows: 5_000_000,
      scanWorkers: 1,
      verify: 0,
      freshness: "manual",
      maxLagMs: 1000,
      changeSource: "stream",
      publication: null,
      onError: null,
    });
  });

  it("are frozen, and an explicit undefined means the default", () => {
    const resolved = resolveOptions({ mode: undefined, cacheDb: undefined }, {});
    expect(Object.isFrozen(resolved)).toBe(true);
    expect(resolved).toEqual(resolveOptions({}, {}));
  });

  it("pass writes in transparent mode, and block them on request", () => {
    expect(resolveOptions({ mode: "transparent" }, {}).writes).toBe("pass");
    expect(resolveOptions({ mode: "transparent", writes: "block" }, {}).writes).toBe("block");
  });
});

describe("precedence", () => {
  it("option over environment over .env over default", () => {
    writeFileSync(".env", 'SQLMEM_CACHE_DB="from file.db" # comment\nSQLMEM_BACKUP_INTERVAL=10\n');
    const variables = { SQLMEM_CACHE_DB: "from-env.db" };
    expect(resolveOptions({}, {})).toMatchObject({
      cacheDb: path.join(directory, "from file.db"),
      backupIntervalSeconds: 10,
    });
    expect(resolveOptions({}, variables).cacheDb).toBe(path.join(directory, "from-env.db"));
    expect(resolveOptions({ cacheDb: "/x/option.db" }, variables).cacheDb).toBe("/x/option.db");
    expect(resolveOptions({ envFile: false }, {}).backupIntervalSeconds).toBe(3600);
  });

  it("does not let the file into process.env", () => {
    writeFileSync(".env", "SQLMEM_BACKUP_INTERVAL=11\n");
    expect(resolveOptions().backupIntervalSeconds).toBe(11);
    expect(process.env.SQLMEM_BACKUP_INTERVAL).toBeUndefined();
  });

  it.each(["", "false", "FALSE", " "])("SQLMEM_CACHE_DB=%j turns the snapshot file off", (value) => {
    writeFileSync(".env", "SQLMEM_CACHE_DB=file.db\n");
    expect(resolveOptions({}, { SQLMEM_CACHE_DB: value }).cacheDb).toBeNull();
  });

  it("cacheDb: false and an empty string do so too", () => {
    expect(resolveOptions({ cacheDb: false }, { SQLMEM_CACHE_DB: "x.db" }).cacheDb).toBeNull();
    expect(resolveOptions({ cacheDb: "" }, {}).cacheDb).toBeNull();
  });

  it("takes 0 and fractions as an interval", () => {
    expect(resolveOptions({}, { SQLMEM_BACKUP_INTERVAL: "0" }).backupIntervalSeconds).toBe(0);
    expect(resolveOptions({}, { SQLMEM_BACKUP_INTERVAL: "0.5" }).backupIntervalSeconds).toBe(0.5);
    expect(resolveOptions({ backupIntervalSeconds: 0 }, {}).backupIntervalSeconds).toBe(0);
    expect(resolveOptions({}, { SQLMEM_BACKUP_INTERVAL: "" }).backupIntervalSeconds).toBe(3600);
  });
});

describe("environment files", () => {
  it("a directory called .env is none", () => {
    mkdirSync(".env");
    expect(resolveOptions({}, {}).backupIntervalSeconds).toBe(3600);
  });

  it("a named file must be there", () => {
    expect(refused({ envFile: "missing.env" })).toMatch(/missing\.env cannot be read \(ENOENT\)/);
    writeFileSync("other.env", "SQLMEM_BACKUP_INTERVAL=7\n");
    expect(resolveOptions({ envFile: "other.env" }, {}).backupIntervalSeconds).toBe(7);
  });

  it.skipIf(process.getuid?.() === 0)("an unreadable one is told", () => {
    writeFileSync(".env", "");
    chmodSync(".env", 0);
    expect(refused({})).toMatch(/cannot be read \(EACCES\).*envFile: false/);
  });
});

describe("refusals name the option, the value and the remedy", () => {
  it.each([
    [{ mode: "fast" }, 'The option mode must be "strict" or "transparent", received \'fast\'.'],
    [{ joins: 1 }, "The option joins must be true or false, received 1."],
    [{ wildcards: "*" }, "The option wildcards must be true or false, received '*'."],
    [
      { mode: "transparent", joins: true },
      'The option joins says what mode: "strict" takes; received mode: "transparent", which refuses nothing. ' +
        "Leave joins out.",
    ],
    [{ mode: "transparent", wildcards: false }, /Leave wildcards out\.$/],
    [{ writes: "allow" }, 'The option writes must be "pass" or "block", received \'allow\'.'],
    [{ cacheDb: true }, "The option cacheDb must be a path or false, received true."],
    [{ backupIntervalSeconds: -1 }, /between 0 and 2147483, received -1/],
    [{ backupIntervalSeconds: 2_147_484 }, /between 0 and 2147483, received 2147484/],
    [{ backupIntervalSeconds: "60" }, /received '60'/],
    [{ backupIntervalSeconds: Number.NaN }, /received NaN/],
    [{ maxBytes: 0 }, /maxBytes must be a positive whole number of bytes, received 0/],
    [{ maxBytes: 1.5 }, /received 1.5/],
    [{ maxTableRows: -5 }, /maxTableRows must be a positive whole number of rows/],
    [{ scanWorkers: 0 }, /scanWorkers must be a whole number between 1 and 64, received 0/],
    [{ verify: 2 }, "The option verify must be a share between 0 and 1, received 2."],
    [{ verify: "1%" }, /verify must be a share between 0 and 1, received '1%'/],
    [{ verify: Number.NaN }, /received NaN/],
    [
      { freshness: "fast" },
      /freshness must be "manual", \{ ttl: milliseconds \}, "session" or "strict", received 'fast'/,
    ],
    [{ freshness: { ttl: 0 } }, /freshness must be .*received \{ ttl: 0 \}/],
    [
      { freshness: "session", maxLagMs: 1 },
      /maxLagMs must be a number of milliseconds between 10 and 3600000, received 1/,
    ],
    [{ freshness: "session", changeSource: "redis" }, /changeSource must be one of "stream", "touch-log"/],
    [{ maxLagMs: 100 }, /maxLagMs says how changes are followed; received freshness: 'manual'.*leave maxLagMs out/],
    [{ freshness: { ttl: 5 }, publication: "p" }, /publication says how changes are followed/],
    [
      { freshness: "strict", changeSource: "notify", publication: "p" },
      /publication is read by changeSource: "stream"/,
    ],
    [{ onError: "log" }, /onError must be a function, received 'log'/],
    [{ envFile: "" }, /envFile must be a path or false, received ''/],
    [{ cacheDb: ":memory:" }, /must be the path of a file.*cacheDb: false/],
    [{ writes: "pass" }, /writes: "pass" needs mode: "transparent"/],
    [{ mode: "strict", writes: "pass" }, /leave writes out/],
    ["strict", /options must be an object, received 'strict'/],
    [[], /options must be an object/],
  ])("%j", (options, message) => {
    expect(refused(options)).toEqual(message instanceof RegExp ? expect.stringMatching(message) : message);
  });

  it.each([
    ["backupInterval", "backupIntervalSeconds"],
    ["maxRows", "maxTableRows"],
    ["cachedb", "cacheDb"],
    ["cache_db", "cacheDb"],
    ["SQLMEM_CACHE_DB", "cacheDb"],
    ["onerror", "onError"],
    ["write", "writes"],
    ["moed", "mode"],
    ["scanWorker", "scanWorkers"],
    ["readOnly", "writes"],
    ["ttl", "freshness"],
    ["maxLag", "maxLagMs"],
  ])("%s: did you mean %s", (name, meant) => {
    expect(refused({ [name]: 1 })).toBe(`There is no option "${name}"; did you mean "${meant}"?`);
  });

  it("lists the options when nothing is near", () => {
    expect(refused({ colour: "red" })).toMatch(
      /There is no option "colour"; known are mode, joins, wildcards, writes, cacheDb/,
    );
  });

  it.each(["soon", "-1", "1e9"])("SQLMEM_BACKUP_INTERVAL=%s", (value) => {
    expect(refused({}, { SQLMEM_BACKUP_INTERVAL: value })).toMatch(
      /SQLMEM_BACKUP_INTERVAL must be a number of seconds/,
    );
  });

  it("never repeats the value of an unknown option, which may be a password", () => {
    expect(refused({ password: "hunter2" })).not.toContain("hunter2");
  });
});
