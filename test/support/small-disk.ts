/** Small file systems of a test's own, where the test may mount one (root). */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** Mounts a tmpfs; `null` if that is not allowed here. Unmounted when the test ends. */
export function mountSmallDisk(bytes: number): string | null {
  const path = mkdtempSync(join(tmpdir(), "sqlmem-disk-"));
  const mounted = run("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0777`, "tmpfs", path);
  onTestFinished(() => {
    if (mounted) {
      run("umount", "-l", path);
    }
    rmdirSync(path);
  });
  return mounted ? path : null;
}

/** From now on nothing can be written there. */
export function makeReadOnly(path: string): boolean {
  return run("mount", "-o", "remount,ro", path);
}

export function makeWritable(path: string): boolean {
  return run("mount", "-o", "remount,rw", path);
}
