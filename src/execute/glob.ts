/**
 * A LIKE pattern as a GLOB pattern, which compares case as the origin does: `%` is `*`, `_` is `?`, and GLOB's own
 * metacharacters stand in brackets. `undefined` where LIKE itself would raise: an escape
 * character (`escaping`, `""` for none) at the end.
 */
export function globPattern(like: string, escaping = "\\"): string | undefined {
  let glob = "";
  for (let index = 0; index < like.length; index++) {
    let character = like.charAt(index);
    if (character === escaping) {
      index += 1;
      if (index === like.length) return undefined;
      character = like.charAt(index);
    } else if (character === "%") {
      glob += "*";
      continue;
    } else if (character === "_") {
      glob += "?";
      continue;
    }
    glob += plain(character);
  }
  return glob;
}

function plain(character: string): string {
  return character === "*" || character === "?" || character === "[" ? `[${character}]` : character;
}

/**
 * A regular expression without any operator but `^` at its start, `$` at its end and `.`, as a GLOB pattern; `undefined`
 * for all others. In the origin's expressions a dot matches a line's end, too, and the anchors mean the whole text.
 */
export function globOfRegex(regex: string): string | undefined {
  const match = /^(\^?)((?:[^\\^$.*+?()[\]{}|]|\\[^A-Za-z0-9\s]|\.)*)(\$?)$/su.exec(regex);
  if (match === null || regex.startsWith("***")) return undefined;
  const [, start = "", body = "", end = ""] = match;
  let glob = start === "" ? "*" : "";
  for (let index = 0; index < body.length; index++) {
    const character = body.charAt(index);
    if (character === ".") glob += "?";
    else glob += plain(character === "\\" ? body.charAt(++index) : character);
  }
  return end === "" ? `${glob}*` : glob;
}
