import { readFileSync } from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { OptionsError } from "./errors.ts";

/** Settings by their variable names, `undefined` where neither the environment nor the file sets them. */
export interface Environment {
  readonly SQLMEM_DEBUG: string | undefined;
  readonly SQLMEM_CACHE_DB: string | undefined;
  readonly SQLMEM_BACKUP_INTERVAL: string | undefined;
}

/** The file that is read when nobody names one; it may be missing. */
const DEFAULT_FILE = ".env";

/**
 * The variables of the process and of an environment file; the process wins. `process.env` itself is never changed.
 *
 * @param envFile a path, relative to the working directory; `false` reads none; `undefined` reads `.env` if there is one
 */
export function readEnvironment(
  envFile?: string | false,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const file = envFile === false ? {} : parseEnv(readEnvFile(envFile));
  const value = (name: keyof Environment): string | undefined => variables[name] ?? file[name];
  return {
    SQLMEM_DEBUG: value("SQLMEM_DEBUG"),
    SQLMEM_CACHE_DB: value("SQLMEM_CACHE_DB"),
    SQLMEM_BACKUP_INTERVAL: value("SQLMEM_BACKUP_INTERVAL"),
  };
}

function readEnvFile(envFile: string | undefined): string {
  try {
    return readFileSync(path.resolve(envFile ?? DEFAULT_FILE), "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // A directory named .env is a Python habit.
    if (envFile === undefined && (code === "ENOENT" || code === "EISDIR")) return "";
    throw new OptionsError(
      `The environment file ${path.resolve(envFile ?? DEFAULT_FILE)} cannot be read (${code}). ` +
        `Make it readable, or pass envFile: false to do without one.`,
      { cause: error },
    );
  }
}

/** Whether `SQLMEM_DEBUG` is on. */
export function debugDefault(environment: Environment): boolean {
  const value = environment.SQLMEM_DEBUG?.trim().toLowerCase() ?? "";
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0" || value === "") return false;
  throw new OptionsError(`SQLMEM_DEBUG must be "true" or "false", received "${environment.SQLMEM_DEBUG}".`);
}

/** `SQLMEM_CACHE_DB` as a value of the option `cacheDb`. */
export function cacheDbDefault(environment: Environment): string | false | undefined {
  const value = environment.SQLMEM_CACHE_DB?.trim();
  return value === "" || value?.toLowerCase() === "false" ? false : value;
}

/** `SQLMEM_BACKUP_INTERVAL` as a value of the option `backupIntervalSeconds`. */
export function backupIntervalDefault(environment: Environment): number | undefined {
  const value = environment.SQLMEM_BACKUP_INTERVAL?.trim();
  if (!value) return undefined;
  const seconds = Number(value);
  if (seconds >= 0 && seconds <= MAX_INTERVAL_SECONDS) return seconds;
  throw new OptionsError(
    `SQLMEM_BACKUP_INTERVAL must be a number of seconds between 0 and ${MAX_INTERVAL_SECONDS}, received "${value}". ` +
      `0 saves only when the engine is closed or the process ends.`,
  );
}

/** A timer counts milliseconds in 31 bits; beyond that it would fire at once. */
export const MAX_INTERVAL_SECONDS = 2_147_483;
