import type { FieldDescription } from "../../dialect.ts";
import { type DriverClient, type DriverTypes, queryClass } from "./driver.ts";

/** A `pg.Result`. */
interface DriverResult {
  command: string | null;
  rowCount: number | null;
  rows: unknown[];
  fields: object[];
  addFields(fields: readonly object[]): void;
  [key: string]: unknown;
}

type ResultClass = new (rowMode: unknown, types: unknown) => DriverResult;
type Parsers = readonly ((text: string) => unknown)[];

interface NativeField {
  readonly name: string;
  readonly tableID: number;
  readonly columnID: number;
  readonly dataTypeID: number;
  readonly dataTypeSize: number;
  readonly dataTypeModifier: number;
  readonly format: string;
}

type FieldClass = new (
  name: string,
  tableId: number,
  columnId: number,
  typeId: number,
  typeSize: number,
  typeModifier: number,
  format: string,
) => object;

/** What `addCommandComplete` and the caller set; everything else comes from `addFields`. */
const SET_PER_CALL: ReadonlySet<string> = new Set(["command", "rowCount", "oid", "rows", "fields", "_parsers"]);

/** Makes the driver's own results for one shape and one driver. */
export class ResultMaker {
  readonly #Result: ResultClass;
  readonly #fields: readonly NativeField[];
  readonly #Field: FieldClass;
  readonly #typeIds: readonly number[];
  /** Properties that the driver derives from the fields alone, as it sets them itself. */
  readonly #derived: readonly (readonly [name: string, value: unknown])[];
  readonly #setsParsers: boolean;
  #parsers: Parsers = [];

  /** `null` when the driver is not built as expected. */
  static create(client: DriverClient, fields: readonly FieldDescription[]): ResultMaker | null {
    const Result = resultClass(client);
    const natives = fields.map(({ native }) => native);
    return Result !== null && natives.every(isNativeField) ? new ResultMaker(Result, natives) : null;
  }

  private constructor(Result: ResultClass, fields: readonly NativeField[]) {
    this.#Result = Result;
    this.#fields = fields;
    this.#Field = (fields[0]?.constructor ?? Object) as FieldClass;
    this.#typeIds = fields.map(({ dataTypeID }) => dataTypeID);
    const empty = new Result(undefined, undefined);
    const filled = new Result(undefined, undefined);
    filled.addFields([...fields]);
    this.#derived = Object.keys(filled)
      .filter((name) => !SET_PER_CALL.has(name) && filled[name] !== empty[name])
      .map((name) => [name, filled[name]]);
    this.#setsParsers = "_parsers" in filled;
  }

  /** The parser of each column; the same array as long as they stay the same. */
  parsers(types: DriverTypes): Parsers {
    const ids = this.#typeIds;
    const known = this.#parsers;
    for (let index = 0; index < ids.length; index++) {
      if (types.getTypeParser(ids[index] ?? 0, "text") !== known[index]) {
        this.#parsers = ids.map((id) => types.getTypeParser(id, "text"));
        break;
      }
    }
    return this.#parsers;
  }

  make(rows: unknown[], rowMode: unknown, types: DriverTypes, parsers: Parsers): object {
    const result = new this.#Result(rowMode, types);
    const { length } = this.#fields;
    const fields = new Array<object>(length);
    for (let index = 0; index < length; index++) fields[index] = this.#copy(this.#fields[index] as NativeField);
    result.fields = fields;
    if (this.#setsParsers) result._parsers = parsers;
    for (const [name, value] of this.#derived) result[name] = value;
    result.command = "SELECT";
    result.rowCount = rows.length;
    result.rows = rows;
    return result;
  }

  #copy(field: NativeField): object {
    return new this.#Field(
      field.name,
      field.tableID,
      field.columnID,
      field.dataTypeID,
      field.dataTypeSize,
      field.dataTypeModifier,
      field.format,
    );
  }
}

/** The class `Field` of pg-protocol: seven arguments, in the order in which it declares its properties. */
function isNativeField(field: object | undefined): field is NativeField {
  if (field === undefined) return false;
  const names = "name,tableID,columnID,dataTypeID,dataTypeSize,dataTypeModifier,format";
  return field.constructor.length === 7 && Object.keys(field).join() === names;
}

function resultClass(client: DriverClient): ResultClass | null {
  const Query = queryClass(client);
  if (Query === null) return null;
  const query: unknown = Reflect.construct(Query, [""]);
  const result: unknown = typeof query === "object" && query !== null && "_result" in query ? query._result : null;
  if (typeof result !== "object" || result === null || !("addFields" in result)) return null;
  return result.constructor as ResultClass;
}
