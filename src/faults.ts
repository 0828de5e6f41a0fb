import { SqlmemError, StoreError } from "./errors.ts";
import { logger } from "./logging.ts";

/** Faults of the cache fail no query: they are logged and handed to `onError`, and nothing that this raises gets out. */
export function faultReporter(onError: ((error: SqlmemError) => void) | null): (error: unknown) => void {
  return (error) => {
    const fault = error instanceof SqlmemError ? error : new StoreError("A fault of the cache.", { cause: error });
    logger.error(fault.message, fault);
    try {
      onError?.(fault);
    } catch (thrown) {
      logger.error("onError raised", thrown);
    }
  };
}
