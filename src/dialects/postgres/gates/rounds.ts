interface Waiting {
  definitions: boolean;
  readonly promise: Promise<boolean>;
}

/**
 * One question to the origin at a time, each for all who wait. Who asks while a round runs waits for the next: the one
 * that runs may have looked before the call.
 */
export class Rounds {
  readonly #run: (definitions: boolean) => Promise<boolean>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | null = null;

  /** @param run never rejects */
  constructor(run: (definitions: boolean) => Promise<boolean>) {
    this.#run = run;
  }

  /** Resolves to what a round that begins after the call gives. */
  next(definitions: boolean): Promise<boolean> {
    if (this.#waiting !== null) {
      this.#waiting.definitions ||= definitions;
      return this.#waiting.promise;
    }
    const promise = this.#last.then(() => {
      const wanted = this.#waiting?.definitions ?? definitions;
      this.#waiting = null;
      return this.#run(wanted);
    });
    this.#waiting = { definitions, promise };
    this.#last = promise;
    return promise;
  }
}
