/**
 * The canonical text of a row with the elements of every JSON array in it in one order, so that two rows which differ only
 * in the order of such elements become equal. Works on the text, so that no spelling of a number or a string is lost.
 */
export function sortedArrays(row: string): string {
  const [text] = value(row, 0);
  return text;
}

/** The value that begins at `at`, its arrays sorted, and where it ends. */
function value(text: string, at: number): [string, number] {
  switch (text[at]) {
    case "{":
      return items(text, at, "}", false);
    case "[":
      return items(text, at, "]", true);
    case '"': {
      const end = stringEnd(text, at);
      const inner = unescaped(text.slice(at, end));
      // A JSON text as the wire shows it: `"114:[…]"`.
      const match = inner === null ? null : /^(114|3802):([[{].*)$/s.exec(inner);
      if (match === null) return [text.slice(at, end), end];
      return [JSON.stringify(`${match[1]}:${value(match[2] ?? "", 0)[0]}`), end];
    }
    default: {
      let end = at;
      while (end < text.length && !",]}".includes(text[end] ?? "")) end++;
      return [text.slice(at, end), end];
    }
  }
}

function items(text: string, at: number, close: string, sorts: boolean): [string, number] {
  const parts: string[] = [];
  let index = at + 1;
  let current = "";
  while (index < text.length && text[index] !== close) {
    const character = text[index] ?? "";
    if (character === ",") {
      parts.push(current.trim());
      current = "";
      index++;
    } else if (character === " " || character === "\n" || character === ":") {
      current += character;
      index++;
    } else {
      const [part, end] = value(text, index);
      current += part;
      index = Math.max(end, index + 1);
    }
  }
  if (current.trim() !== "") parts.push(current.trim());
  const sorted = sorts ? parts.sort() : parts;
  return [`${text[at]}${sorted.join(",")}${close}`, index + 1];
}

function stringEnd(text: string, at: number): number {
  let index = at + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index + 1;
}

function unescaped(text: string): string | null {
  try {
    return String(JSON.parse(text));
  } catch {
    return null;
  }
}
