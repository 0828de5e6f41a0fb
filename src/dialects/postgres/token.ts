/**
 * What a token is made of: a cluster, and a position of its log. It names everything that was committed at a moment, to any
 * process that follows the same cluster.
 */
export interface Token {
  readonly system: string;
  readonly position: string;
}

const PREFIX = "sqlmem1:";

export function writeToken({ system, position }: Token): string {
  return `${PREFIX}${system}:${position}`;
}

/** `null` for what is none. The system may hold colons (an address), a position does not. */
export function readToken(text: string): Token | null {
  const match = /^sqlmem1:(.+):([0-9A-F]{1,8}\/[0-9A-F]{1,8})$/s.exec(text);
  return match === null ? null : { system: match[1] ?? "", position: match[2] ?? "" };
}
