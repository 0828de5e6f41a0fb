import { randomInt } from "node:crypto";
import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Random } from "../oracle/random.ts";
import { Child } from "../support/child-process.ts";
import type { ChildJob } from "../support/store-child.ts";
import { openRestored, temporaryDirectory } from "../support/store-fixture.ts";

const SEED = Number(process.env.SQLMEM_TEST_SEED ?? randomInt(2 ** 31));

function startChild(job: Partial<ChildJob> & Pick<ChildJob, "cacheDb" | "task">): Child {
  return new Child("./store-child.ts", { rows: 1000, rounds: 1, tag: "child", ...job });
}

/** Directories of this process's stores. */
function directoriesOf(pid: number | undefined): string[] {
  return ["/dev/shm", tmpdir()].flatMap((base) => {
    try {
      return readdirSync(base).filter((name) => name.startsWith(`sqlmem-${pid}-`));
    } catch {
      return [];
    }
  });
}

/** Resolves while a snapshot is being written there. */
async function temporaryFile(directory: string): Promise<void> {
  while (!readdirSync(directory).some((name) => name.includes(".tmp-"))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Opens the file as the next process would: it must be whole, of one round of one writer. */
async function wholeTag(cacheDb: string, rows: number): Promise<string> {
  const { store, faults } = await openRestored(cacheDb);
  expect(faults).toEqual([]);
  const found = store.statement("SELECT min(tag), max(tag), count(*), sum(id) FROM orders").get();
  expect(found?.[1]).toBe(found?.[0]);
  expect(found?.slice(2)).toEqual([rows, (rows * (rows - 1)) / 2]);
  await store.close();
  return String(found?.[0]);
}

test(`kill -9 during a snapshot leaves a whole file, and nothing else behind (SQLMEM_TEST_SEED=${SEED})`, async () => {
  const random = new Random(SEED);
  const directory = temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  const rows = 60_000;
  let leftovers = 0;
  for (let attempt = 0; attempt < 8; attempt++) {
    const child = startChild({ cacheDb, task: "hammer", rows, rounds: 1000, tag: `a${attempt}` });
    await child.line("saved 0");
    await temporaryFile(directory);
    await sleep(random.int(0, 3));
    await child.kill();
    const saved = child.lines.filter((line) => line.startsWith("saved")).length;
    leftovers += readdirSync(directory).length > 1 ? 1 : 0;
    // What was said to be saved is saved; the round that was under way may be, whole.
    const tag = await wholeTag(cacheDb, rows);
    expect([`a${attempt}-${saved - 1}`, `a${attempt}-${saved}`]).toContain(tag);
    // One that is still empty may belong to a process that has just begun: it is swept when it is a minute old.
    const left = readdirSync(directory).filter((name) => name !== "cache.db" && !name.endsWith("-journal"));
    expect(left.filter((name) => statSync(join(directory, name)).size > 0)).toEqual([]);
    for (const name of left) {
      utimesSync(join(directory, name), 1, 1);
    }
    await openRestored(cacheDb);
    expect(readdirSync(directory)).toEqual(["cache.db"]);
    expect(directoriesOf(child.process.pid)).toEqual([]);
  }
  console.log(`${leftovers} of 8 kills hit a snapshot being written`);
}, 120_000);

test("two processes that write to one file never corrupt it", async () => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const rows = 5000;
  const children = ["x", "y"].map((tag) => startChild({ cacheDb, task: "hammer", rows, rounds: 25, tag }));
  await Promise.race(children.map((child) => child.line("saved 0")));
  const running = Promise.all(children.map((child) => child.end()));
  let done = false;
  void running.finally(() => {
    done = true;
  });
  while (!done) {
    expect(await wholeTag(cacheDb, rows)).toMatch(/^[xy]-\d+$/);
  }
  expect(await running).toEqual([0, 0]);
  for (const child of children) {
    expect(child.lines.filter((line) => line.startsWith("fault"))).toEqual([]);
    expect(child.lines.at(-1)).toBe("saved 24");
  }
  expect(await wholeTag(cacheDb, rows)).toMatch(/^[xy]-24$/);
}, 120_000);

test.each([
  ["an open store lets the process end by itself, and is saved", "exit", 0],
  ["process.exit() saves too, and keeps its code", "exit-code", 3],
] as const)("%s", async (_, task, code) => {
  const cacheDb = join(temporaryDirectory(), "cache.db");
  const child = startChild({ cacheDb, task, rows: 5000, tag: "bye" });
  expect(await child.end()).toBe(code);
  expect(child.lines).toEqual(["restored 0", "exit"]);
  expect(await wholeTag(cacheDb, 5000)).toBe("bye");
  expect(directoriesOf(child.process.pid)).toEqual([]);
});

test("only temporary files of dead processes are swept", async () => {
  const directory = temporaryDirectory();
  const cacheDb = join(directory, "cache.db");
  const dead = startChild({ cacheDb: join(temporaryDirectory(), "none.db"), task: "exit" });
  await dead.end();
  const suffix = "0123456789abcdef";
  const names = {
    dead: `cache.db.tmp-${dead.process.pid}-${suffix}`,
    ownOfFormerLife: `cache.db.tmp-${process.pid}-${suffix}`,
    alive: `cache.db.tmp-${process.ppid}-${suffix}`,
    emptyAndNew: `cache.db.tmp-${dead.process.pid}-${suffix.replace("0", "1")}`,
    emptyAndOld: `cache.db.tmp-${dead.process.pid}-${suffix.replace("0", "2")}`,
    other: `cache.db.tmp-x`,
  };
  for (const name of Object.values(names)) {
    writeFileSync(join(directory, name), name.includes(suffix) ? "half a file" : "");
  }
  utimesSync(join(directory, names.emptyAndOld), 1, 1);
  await openRestored(cacheDb);
  expect(readdirSync(directory).sort()).toEqual([names.alive, names.emptyAndNew, names.other].sort());
});
