import type pg from "pg";
import type { Description } from "../dialect.ts";

/** What `pg` hands to a `Submittable`; its own types describe less than the client calls. */
interface Wire {
  parse(message: { readonly text: string; readonly name: string }): void;
  describe(message: { readonly type: "S"; readonly name: string }): void;
  sync(): void;
  on(event: "parameterDescription", listener: (message: ParameterDescription) => void): void;
  removeListener(event: "parameterDescription", listener: (message: ParameterDescription) => void): void;
  readonly stream: { cork?(): void; uncork?(): void };
}

interface ParameterDescription {
  readonly dataTypeIDs: readonly number[];
}

interface RowDescription {
  readonly fields: readonly {
    readonly name: string;
    readonly dataTypeID: number;
    readonly dataTypeModifier: number;
  }[];
}

/**
 * Parse and Describe of the extended protocol, without Bind and Execute: the server resolves names and types of the
 * statement and runs nothing. Rejects with the server's own error.
 *
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export function describeStatement(client: pg.ClientBase, sql: string): Promise<Description> {
  return new Promise((resolve, reject) => {
    client.query(new DescribeQuery(sql, resolve, reject) as unknown as pg.Submittable);
  });
}

class DescribeQuery {
  readonly #sql: string;
  readonly #resolve: (description: Description) => void;
  readonly #reject: (error: Error) => void;
  readonly #onParameters = (message: ParameterDescription): void => {
    this.#parameterTypes = [...message.dataTypeIDs];
  };
  #parameterTypes: readonly number[] = [];
  #fields: Description["fields"] = [];
  #wire: Wire | undefined;

  constructor(sql: string, resolve: (description: Description) => void, reject: (error: Error) => void) {
    this.#sql = sql;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(wire: Wire): void {
    this.#wire = wire;
    wire.on("parameterDescription", this.#onParameters);
    wire.stream.cork?.();
    wire.parse({ text: this.#sql, name: "" });
    wire.describe({ type: "S", name: "" });
    wire.sync();
    wire.stream.uncork?.();
  }

  handleRowDescription(message: RowDescription): void {
    this.#fields = message.fields.map((field) => ({
      name: field.name,
      typeId: field.dataTypeID,
      typeModifier: field.dataTypeModifier,
      native: Object.freeze(field),
    }));
  }

  handleError(error: Error): void {
    this.#finish();
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#finish();
    this.#resolve({ parameterTypes: this.#parameterTypes, fields: this.#fields });
  }

  #finish(): void {
    this.#wire?.removeListener("parameterDescription", this.#onParameters);
  }
}
