import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OptionsError, StoreError } from "../../src/errors.ts";
import { addSink, logger, type Sink, type SinkOptions } from "../../src/logging.ts";

let directory: string;
let open: Sink[];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "sqlmem-log-"));
  open = [];
});

afterEach(async () => {
  for (const sink of open) await sink.close();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function collect(options?: SinkOptions, tty = false): { lines: string[]; stream: Writable; sink: Sink } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  if (tty) Object.assign(stream, { isTTY: true });
  const sink = addSink(stream, options);
  open.push(sink);
  return { lines, stream, sink };
}

const QUERY = {
  outcome: "hit",
  reason: null,
  milliseconds: 0.01234,
  sql: "SELECT a\n  FROM t WHERE b = $1",
  params: ["x"],
} as const;

describe("levels", () => {
  it("is silent and costs nothing without a sink", () => {
    expect(logger.debugEnabled).toBe(false);
    logger.info("nobody hears this");
    logger.query(QUERY);
  });

  it("INFO by default: no queries", () => {
    const { lines } = collect();
    expect(logger.debugEnabled).toBe(false);
    logger.query(QUERY);
    logger.debug("detail");
    logger.info("loaded", { table: "orders", rows: 3 });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: "INFO", time: expect.any(String), name: "sqlmem", table: "orders", rows: 3, msg: "loaded" },
    ]);
  });

  it("SQLMEM_DEBUG=true makes DEBUG the default; a level given wins", () => {
    vi.stubEnv("SQLMEM_DEBUG", "true");
    const chatty = collect();
    const quiet = collect({ level: "ERROR" });
    logger.query(QUERY);
    expect(JSON.parse(chatty.lines[0] ?? "")).toMatchObject({
      level: "DEBUG",
      msg: "hit",
      ms: 0.012,
      sql: QUERY.sql,
      params: ["x"],
    });
    expect(quiet.lines).toEqual([]);
  });

  it.each([
    ["DEBUG", 4],
    ["INFO", 3],
    ["WARNING", 2],
    ["ERROR", 1],
  ] as const)("%s gets %i of four", (level, count) => {
    const { lines } = collect({ level });
    logger.debug("a");
    logger.info("b");
    logger.warning("c");
    logger.error("d", new Error("e"));
    expect(lines).toHaveLength(count);
  });

  it("a closed sink gets nothing more, and the debug flag follows", async () => {
    const one = collect({ level: "DEBUG" });
    const two = collect({ level: "INFO" });
    expect(logger.debugEnabled).toBe(true);
    await one.sink.close();
    await one.sink.close();
    expect(logger.debugEnabled).toBe(false);
    logger.info("x");
    expect([one.lines.length, two.lines.length]).toEqual([0, 1]);
    expect(one.stream.writable).toBe(true);
  });
});

describe("content", () => {
  it("describes parameters of all kinds shortly", () => {
    const { lines } = collect({ level: "DEBUG" });
    const params = [1n, new Date(0), Buffer.from("abc"), null, [1, "a"], { secret: 1 }, "y".repeat(300), Number.NaN];
    logger.query({ ...QUERY, params });
    expect(JSON.parse(lines[0] ?? "").params).toEqual([
      "1",
      "1970-01-01T00:00:00.000Z",
      "<3 bytes>",
      null,
      [1, "a"],
      "<Object>",
      `${"y".repeat(200)}…`,
      null,
    ]);
  });

  it("shows a fault with its causes and without credentials", () => {
    const { lines } = collect();
    const cause = Object.assign(new Error("no route to postgresql://bob:hunter2@db:5432/x"), {
      code: "ECONNREFUSED",
      config: { password: "hunter2" },
    });
    logger.error("the load failed", new StoreError("cannot load", { cause }), { table: "t" });
    const line = JSON.parse(lines[0] ?? "");
    expect(line).toMatchObject({ level: "ERROR", msg: "the load failed", table: "t" });
    expect(line.error).toMatchObject({ name: "StoreError", code: "ERR_SQLMEM_STORE", message: "cannot load" });
    expect(line.error.stack).toContain("caused by Error: no route to postgresql://bob:***@db:5432/x");
    expect(lines.join()).not.toContain("hunter2");
  });

  it("is a short line on a terminal", () => {
    const { lines } = collect({ level: "DEBUG" }, true);
    logger.query(QUERY);
    logger.query({ ...QUERY, outcome: "bypass", reason: "join", milliseconds: 12.3, params: undefined });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} DEBUG {3}hit 0\.012 ms SELECT a FROM t WHERE b = \$1 {"params":\["x"\]}\n$/,
    );
    expect(lines[1]).toMatch(/bypass \(join\) 12\.3 ms SELECT a/);
  });

  it("survives a stream that breaks", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    open.push(addSink(broken));
    logger.info("one");
    await new Promise((resolve) => setImmediate(resolve));
    logger.info("two");
  });
});

describe("files", () => {
  it("appends, in a directory that it makes", async () => {
    const file = path.join(directory, "deep", "sqlmem.log");
    for (const message of ["one", "two"]) {
      await using _sink = addSink(file);
      logger.info(message);
    }
    expect(readFileSync(file, "utf8")).toMatch(/"msg":"one"}\n.*"msg":"two"}\n$/);
  });

  it("rotates by size; the newest lines stay under the name", async () => {
    const file = path.join(directory, "sqlmem.log");
    const sink = addSink(file, { rotation: "1 KB" });
    for (let i = 0; i < 200; i++) {
      logger.info("x".repeat(100), { i });
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await sink.close();
    expect(readdirSync(directory).sort()).toEqual(
      ["", ".1", ".2", ".3", ".4", ".5"].map((suffix) => `sqlmem.log${suffix}`),
    );
    expect(statSync(`${file}.1`).size).toBeLessThan(4096);
  });

  it("writes what is left when the process ends by itself or by process.exit", () => {
    const module = new URL("../../src/logging.ts", import.meta.url).href;
    for (const [name, options] of [
      ["plain", ""],
      ["rotating", ', { rotation: "1 MB" }'],
    ]) {
      const file = path.join(directory, `${name}.log`);
      const code = `const { addSink, logger } = await import(${JSON.stringify(module)});
        addSink(${JSON.stringify(file)}${options}); for (let i = 0; i < 100; i++) logger.info("line");`;
      execFileSync(process.execPath, ["--input-type=module", "-e", code]);
      expect(readFileSync(file, "utf8").split("\n")).toHaveLength(101);
    }
    const file = path.join(directory, "exit.log");
    const code = `const { addSink, logger } = await import(${JSON.stringify(module)});
      addSink(${JSON.stringify(file)}); logger.info("line"); process.exit(0);`;
    execFileSync(process.execPath, ["--input-type=module", "-e", code]);
    expect(readFileSync(file, "utf8")).toContain("line");
  });

  it.each([
    ["10 MB", true],
    ["512KiB", true],
    ["1.5 gb", true],
    ["10", false],
    ["0 MB", false],
    ["ten MB", false],
    ["10 MB daily", false],
  ])("rotation %j valid: %s", (rotation, valid) => {
    const make = (): void => {
      open.push(addSink(path.join(directory, "r.log"), { rotation }));
    };
    if (valid) make();
    else expect(make).toThrow(OptionsError);
  });

  it("refuses what it cannot do, at once", () => {
    expect(() => addSink(directory)).toThrow(/cannot be opened: EISDIR/);
    expect(() => addSink(process.stderr, { rotation: "1 MB" })).toThrow(/rotation is for files/);
    expect(() => addSink(process.stderr, { level: "debug" as "DEBUG" })).toThrow(/"DEBUG".*received "debug"/);
    expect(() => addSink(7 as unknown as string)).toThrow(/received number/);
    expect(() => addSink("x.log", { levle: "INFO" } as SinkOptions)).toThrow(/no option "levle"/);
    vi.stubEnv("SQLMEM_DEBUG", "yes");
    expect(() => addSink(process.stderr)).toThrow(/SQLMEM_DEBUG must be "true" or "false", received "yes"/);
  });
});
