import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { RamDirectory } from "../../../src/store/ram-directory.ts";
import { temporaryDirectory } from "../../support/store-fixture.ts";

function create(bases: readonly string[], maxBytes = 1000): RamDirectory {
  const directory = RamDirectory.create(maxBytes, bases);
  onTestFinished(() => directory.remove());
  return directory;
}

test("a private directory, which remove() removes", () => {
  const base = temporaryDirectory();
  const { path } = create([base]);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(path).toContain(`sqlmem-${process.pid}-`);
  const other = create([base]);
  writeFileSync(join(other.path, "store.db"), "x");
  other.remove();
  expect(existsSync(other.path)).toBe(false);
  expect(existsSync(path)).toBe(true);
});

test("the first base with room is taken, the last one in any case", () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()];
  expect(create([first, second]).path).toContain(first);
  expect(create([first, second], 1e18).path).toContain(second);
  expect(create([join(first, "nowhere"), second]).path).toContain(second);
  writeFileSync(join(first, "file"), "");
  expect(create([join(first, "file"), second]).path).toContain(second);
});

test("without any directory it fails as the store", () => {
  expect(() => RamDirectory.create(1, [join(temporaryDirectory(), "nowhere")])).toThrow(
    expect.objectContaining({ code: "ERR_SQLMEM_STORE" }),
  );
});

test("what dead processes left is swept, what living ones use is not", () => {
  const base = temporaryDirectory();
  const suffix = "0123456789abcdef";
  const make = (name: string, lock: boolean): string => {
    const path = join(base, name);
    mkdirSync(path);
    if (lock) {
      writeFileSync(join(path, "owner.lock"), "");
    }
    return path;
  };
  const living = create([base]).path;
  const dead = make(`sqlmem-1-${suffix}`, true);
  const beingMade = make(`sqlmem-2-${suffix}`, false);
  const neverMade = make(`sqlmem-3-${suffix}`, false);
  utimesSync(neverMade, 1, 1);
  const other = make("sqlmem-notes", true);
  const next = create([base]).path;
  expect(
    readdirSync(base)
      .map((name) => join(base, name))
      .sort(),
  ).toEqual([living, beingMade, other, next].sort());
  expect(existsSync(dead)).toBe(false);
});
