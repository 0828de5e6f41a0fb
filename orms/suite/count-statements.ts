import pg from "pg";

/** Counts the statements that clients of `pg` are asked for while an action runs. */
export class StatementCounter {
  #count = 0;

  constructor() {
    const original: (...args: unknown[]) => unknown = pg.Client.prototype.query;
    const count = (): void => {
      this.#count += 1;
    };
    Reflect.set(pg.Client.prototype, "query", function (this: object, ...args: unknown[]): unknown {
      count();
      return original.apply(this, args);
    });
  }

  /** Resolves to what the action resolved to, and to how many statements it sent. */
  async during<Result>(
    action: () => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly statements: number }> {
    const before = this.#count;
    const result = await action();
    return { result, statements: this.#count - before };
  }
}
