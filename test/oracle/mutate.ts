import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** One deliberate mistake in a treatment. */
export interface Mutant {
  readonly name: string;
  /** Below `src/`. */
  readonly file: string;
  /** Must stand in the file exactly once, so that a mutant cannot get lost when the code moves. */
  readonly find: string;
  readonly replace: string;
}

/** A copy of the sources with one mistake, removed on disposal. */
export interface MutatedSources extends AsyncDisposable {
  /** Path of its `index.ts`. */
  readonly entry: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

export async function mutate(mutant: Mutant): Promise<MutatedSources> {
  const directory = await mkdtemp(path.join(tmpdir(), "sqlmem-mutant-"));
  const dispose = async () => await rm(directory, { recursive: true, force: true });
  try {
    await cp(path.join(root, "src"), path.join(directory, "src"), { recursive: true });
    await cp(path.join(root, "package.json"), path.join(directory, "package.json"));
    await symlink(path.join(root, "node_modules"), path.join(directory, "node_modules"), "dir");
    const file = path.join(directory, "src", mutant.file);
    if (mutant.find !== "") await writeFile(file, patched(await readFile(file, "utf8"), mutant));
    return { entry: path.join(directory, "src", "index.ts"), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

export function patched(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `Mutant "${name}": its text stands ${parts.length - 1} times in src/${file}, must be once: ${find}`,
    );
  }
  return parts.join(replace);
}
