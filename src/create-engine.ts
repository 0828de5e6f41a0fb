import { CachingEngine } from "./engine.ts";
import { OptionsError } from "./errors.ts";
import type { EngineOptions } from "./options.ts";

const SCHEMES = ["postgresql:", "postgres:"];

/**
 * An engine on a database given by its URL; it ends its connections itself when it is closed.
 *
 * @param url `postgresql://user:password@host:port/database`
 * @throws OptionsError for a URL of a database that is not supported
 */
export function createEngine(url: string, options: EngineOptions = {}): CachingEngine {
  if (typeof url !== "string" || !SCHEMES.includes(schemeOf(url))) {
    const received = typeof url === "string" ? `a URL with the scheme "${schemeOf(url)}"` : typeof url;
    throw new OptionsError(
      `createEngine() supports URLs that begin with postgresql:// or postgres://, received ${received}.`,
    );
  }
  return new CachingEngine(url, options);
}

/** The scheme alone: what follows may be a password. */
function schemeOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase() ?? "";
}
