import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Advance } from "./protocol.ts";

/** Frames (pages) of the WAL above which readers are asked to let go of it. */
const WAL_FRAMES = 2048;

/**
 * Runs the worker's tasks one after another, each synchronous and whole, and keeps what readers see in step with what
 * they were told: after a visible commit nothing runs until main has acknowledged it. It also keeps the WAL short, which
 * takes two steps, since readers hold it: once main reads at the WAL's end all of it can be copied into the database
 * file, and only when main then advances once more does it read nothing but the database file, so that the next write
 * starts the WAL anew.
 *
 * ```
 *             announce                        acknowledge, WAL short and tasks waiting
 *    ┌──────┐ or WAL long ┌───────────┐ ────────────────────────────────────────────► ┌──────┐
 *    │ open │ ──────────► │ announced │  acknowledge   ┌──────────┐ acknowledge       │ open │
 *    └──────┘             └───────────┘ ─────────────► │ settling │ ────────────────► └──────┘
 *                                         checkpoint   └──────────┘
 * ```
 */
export class Gate {
  #state: "open" | "announced" | "settling" = "open";
  readonly #tasks: (() => void)[] = [];
  #running = false;
  #log: StatementSync;
  #checkpoint: StatementSync;
  readonly #send: (advance: Advance) => void;
  readonly #nothingChanged: () => Advance;
  /** After a checkpoint that a long scan kept from completing, it is tried again only when the WAL has grown so far. */
  #limit = WAL_FRAMES;

  constructor(db: DatabaseSync, send: (advance: Advance) => void, nothingChanged: () => Advance) {
    this.#log = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#send = send;
    this.#nothingChanged = nothingChanged;
  }

  /** The store's file is another one now. */
  reopen(db: DatabaseSync): void {
    this.#log = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** `task` must not throw, and must leave no transaction open if it announces. */
  run(task: () => void): void {
    this.#tasks.push(task);
    this.#pump();
  }

  /** Tells main of a visible commit. Called by a task, at most once. */
  announce(advance: Advance): void {
    this.#state = "announced";
    this.#send(advance);
  }

  /** After a commit that readers need not see. Called by a task that has no transaction open. */
  committed(): void {
    if (this.#state === "open" && frames(this.#log).log > this.#limit) {
      this.announce(this.#nothingChanged());
    }
  }

  acknowledge(): void {
    if (this.#state === "announced" && (this.#tasks.length === 0 || frames(this.#log).log > this.#limit)) {
      const { log, checkpointed } = this.#copyBack();
      if (log > 0 && log === checkpointed) {
        this.#limit = WAL_FRAMES;
        this.#state = "settling";
        this.#send(this.#nothingChanged());
        return;
      }
      this.#limit = log + WAL_FRAMES;
    }
    this.#state = "open";
    this.#pump();
  }

  #copyBack(): Frames {
    try {
      return frames(this.#checkpoint);
    } catch {
      // No room for the database file to grow: the WAL stays as it is, which costs room but nothing else.
      return frames(this.#log);
    }
  }

  #pump(): void {
    // A task that brings another one is whole before that begins.
    if (this.#running) {
      return;
    }
    this.#running = true;
    try {
      while (this.#state === "open") {
        const task = this.#tasks.shift();
        if (task === undefined) {
          return;
        }
        task();
      }
    } finally {
      this.#running = false;
    }
  }
}

interface Frames {
  readonly log: number;
  readonly checkpointed: number;
}

function frames(pragma: StatementSync): Frames {
  const row = pragma.get();
  return { log: Number(row?.log ?? 0), checkpointed: Number(row?.checkpointed ?? 0) };
}
