/**
 * A LIKE pattern (default escape `\`) as a GLOB pattern, which compares case as the origin does: `%` is `*`, `_` is `?`,
 * and GLOB's own metacharacters stand in brackets. `undefined` where LIKE itself would raise: a trailing backslash.
 */
export function globPattern(like: string): string | undefined {
  let glob = "";
  for (let index = 0; index < like.length; index++) {
    let character = like.charAt(index);
    if (character === "%") {
      glob += "*";
      continue;
    }
    if (character === "_") {
      glob += "?";
      continue;
    }
    if (character === "\\") {
      index += 1;
      if (index === like.length) return undefined;
      character = like.charAt(index);
    }
    glob += character === "*" || character === "?" || character === "[" ? `[${character}]` : character;
  }
  return glob;
}
