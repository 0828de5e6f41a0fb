/** What a token is made of: a cluster, and a position of its log. */
export interface GateToken {
  readonly system: string;
  readonly position: string;
}

const PREFIX = "sqlmem1:";

export function writeToken({ system, position }: GateToken): string {
  return `${PREFIX}${system}:${position}`;
}

/** `null` for what is none. The system may hold colons (an address), a position does not. */
export function readToken(text: string): GateToken | null {
  const match = /^sqlmem1:(.+):([0-9A-F]{1,8}\/[0-9A-F]{1,8})$/s.exec(text);
  return match === null ? null : { system: match[1] ?? "", position: match[2] ?? "" };
}
