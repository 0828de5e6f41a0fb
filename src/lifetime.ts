import type { Origin } from "./dialects/dialect.ts";
import { postgres } from "./dialects/postgres/dialect.ts";
import { ClosedError } from "./errors.ts";
import { flushAtExit } from "./exit-flush.ts";
import type { Freshness } from "./freshness/freshness.ts";
import type { Loader } from "./load/loader.ts";
import type { Store } from "./store/store.ts";

/** What an engine starts with and gives back. */
export interface LifetimeParts {
  readonly origin: Origin;
  readonly store: Store;
  readonly loader: Loader;
  readonly freshness: Freshness;
  readonly onFault: (error: unknown) => void;
}

/**
 * The start and the end of an engine, and its snapshot file in between: taken over once, saved every so often, when the
 * process exits, and at the end.
 *
 * ```
 *  new ──start()──► starting ──► started        any of them ──close()──► closing ──► closed
 *   ▲                  │
 *   └─ the origin raised
 * ```
 *
 * *new*: nothing is connected. *starting*: the origin is asked who it is; everyone who calls `start()` waits for the one
 * attempt, and gets its error. *started*: who the origin is and how its sessions read texts is known, and what the
 * snapshot file holds of it may be served. *closing*: nothing new is answered, and what is cached is saved.
 */
export class Lifetime {
  readonly #parts: LifetimeParts;
  readonly #stopFlushing: () => void;
  readonly #backupTimer: NodeJS.Timeout | undefined;
  #started: Promise<void> | null = null;
  #restored = false;
  #discardsSnapshot = false;
  #unreadable: string | null = null;
  #closing: Promise<void> | null = null;

  /** @param backupSeconds between two saves of the snapshot file; 0: none before the end */
  constructor(parts: LifetimeParts, backupSeconds: number) {
    this.#parts = parts;
    this.#stopFlushing = flushAtExit(parts.store);
    if (backupSeconds > 0) this.#backupTimer = setInterval(() => void this.#save(), backupSeconds * 1000).unref();
  }

  /** Once started, a setting of the sessions under which texts cannot be read; `null` as a rule. */
  get unreadable(): string | null {
    return this.#unreadable;
  }

  get isOpen(): boolean {
    return this.#closing === null;
  }

  assertOpen(): void {
    if (!this.isOpen) throw new ClosedError("The engine is closed. Make a new one.");
  }

  /** Learns who the origin is and takes over the snapshot file; again after a failure. Rejects with the origin's error. */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((error: unknown) => {
      this.#started = null;
      throw error;
    });
    return this.#started;
  }

  async #start(): Promise<void> {
    const { origin, store, loader, freshness, onFault } = this.#parts;
    const [{ identity, settings }] = await Promise.all([origin.ready(), postgres.ready()]);
    this.#unreadable = settings.unreadable;
    if (!this.#restored) {
      try {
        await store.restore(identity);
        // What has changed since the file was written nobody can say.
        if (this.#discardsSnapshot || freshness.source !== null) loader.invalidate("all");
        else loader.adoptRestored();
      } catch (error) {
        onFault(error);
      }
      this.#restored = true;
    }
    await freshness.start();
  }

  /** All rows were declared wrong: the snapshot file holds them too, and must not bring them back at a later start. */
  discardSnapshot(): void {
    if (!this.#restored) this.#discardsSnapshot = true;
  }

  /** Saves the snapshot file and gives everything back, after `stopAnswering`. A second call waits for the first. */
  close(stopAnswering: () => Promise<void>): Promise<void> {
    this.#closing ??= this.#close(stopAnswering);
    return this.#closing;
  }

  async #close(stopAnswering: () => Promise<void>): Promise<void> {
    clearInterval(this.#backupTimer);
    await stopAnswering();
    if (this.#started !== null) await this.#save();
    this.#stopFlushing();
    await Promise.all([this.#parts.origin.close(), this.#parts.store.close()]);
  }

  async #save(): Promise<void> {
    try {
      await this.#parts.store.saveSnapshotFile();
    } catch (error) {
      this.#parts.onFault(error);
    }
  }
}
