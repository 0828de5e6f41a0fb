/** What has to be done for a store at the end of the process. */
export interface Flushable {
  /** Without a snapshot file, or with nothing new to save, it does nothing. */
  saveSnapshotFileSync(timeoutMs: number): void;
  /** Has threads give up what they are at, so that they can be ended. */
  stopScans(): void;
  /** Removes the store's files in memory; nothing can be asked of it afterwards. */
  removeFiles(): void;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** A process that ends waits this long for its snapshot files. */
const TIMEOUT_MS = 30_000;

const flushables = new Set<Flushable>();

/**
 * Saves the store when the process exits and on SIGTERM and SIGINT, where no `exit` event would clean up either;
 * returns the function that ends this.
 * A signal that nobody else listens for still ends the process as it would have without us: by that signal.
 */
export function flushAtExit(flushable: Flushable): () => void {
  if (flushables.size === 0) listen();
  flushables.add(flushable);
  return () => {
    if (flushables.delete(flushable) && flushables.size === 0) unlisten();
  };
}

function listen(): void {
  process.on("exit", onExit);
  // First in line, so that a listener for one time still counts when ours asks who else listens.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function unlisten(): void {
  process.off("exit", onExit);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function flushAll(): void {
  for (const flushable of flushables) flushable.saveSnapshotFileSync(TIMEOUT_MS);
}

function onExit(): void {
  flushAll();
  for (const flushable of flushables) flushable.stopScans();
}

function onSignal(signal: NodeJS.Signals): void {
  flushAll();
  // Others that listen decide about the process; it then ends by `exit`, and what changed until then is saved there.
  if (process.listenerCount(signal) > 1 + signalExitListeners()) return;
  for (const flushable of flushables) flushable.removeFiles();
  unlisten();
  process.kill(process.pid, signal);
}

/**
 * Listeners of the `signal-exit` package, which end the process only if there are none but their own: without us they
 * would have. https://github.com/tapjs/signal-exit (`count` of the emitter that its copies share)
 */
function signalExitListeners(): number {
  const shared: unknown = Reflect.get(globalThis, Symbol.for("signal-exit emitter"));
  const count: unknown = typeof shared === "object" && shared !== null ? Reflect.get(shared, "count") : 0;
  return typeof count === "number" ? count : 0;
}
