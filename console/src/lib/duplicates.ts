/** Near-duplicates: texts out of what was pasted or uploaded, and where two of them differ. */

/** As many, and as large, as one question may be. */
export const kTextsMax = 20_000;
export const kBytesMax = 7_000_000;

export interface Texts {
  texts: string[];
  /** Rows that held no text. */
  skipped: number;
  /** Whether something did not fit in one question. */
  cut: boolean;
}

const utf8 = new TextEncoder();

/** The first rows that one question takes; empty ones are counted and left out. */
export function within(rows: string[], most = kTextsMax, bytesMax = kBytesMax): Texts {
  const out: Texts = { texts: [], skipped: 0, cut: false };
  let bytes = 0;
  for (const row of rows) {
    const text = row.trim();
    if (!text) {
      out.skipped++;
      continue;
    }
    bytes += utf8.encode(text).length + 8;
    if (out.texts.length === most || bytes > bytesMax) {
      out.cut = true;
      break;
    }
    out.texts.push(text);
  }
  return out;
}

export function linesOf(text: string): string[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** RFC 4180: header and rows; the separator is what the first line has most of, comma, tab or semicolon. */
export function tableOf(text: string): { header: string[]; rows: string[][] } {
  const source = text.replace(/^\ufeff/, "");
  const first = source.slice(0, (source.search(/[\r\n]/) + 1 || source.length + 1) - 1);
  const separator = [",", "\t", ";"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endRow = () => {
    row.push(cell);
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    cell = "";
  };
  for (let at = 0; at < source.length; at++) {
    const one = source[at];
    if (quoted) {
      if (one !== '"') cell += one;
      else if (source[at + 1] === '"') cell += source[++at];
      else quoted = false;
    } else if (one === '"' && cell === "") quoted = true;
    else if (one === separator) {
      row.push(cell);
      cell = "";
    } else if (one === "\n" || one === "\r") {
      if (one === "\r" && source[at + 1] === "\n") at++;
      endRow();
    } else cell += one;
  }
  if (cell !== "" || row.length) endRow();
  return { header: rows.shift() ?? [], rows };
}

/** The column that looks most like texts: named so, else the one with the longest cells. */
export function textColumn(table: { header: string[]; rows: string[][] }): number {
  const named = table.header.findIndex((name) => /^(text|content|review|comment|title|文本|内容|评论|正文|标题)$/i.test(name.trim()));
  if (named >= 0) return named;
  const lengths = table.header.map((_, at) => table.rows.slice(0, 200).reduce((sum, row) => sum + (row[at]?.length ?? 0), 0));
  return Math.max(0, lengths.indexOf(Math.max(...lengths)));
}

export interface Piece {
  kind: "same" | "added" | "removed";
  text: string;
}

/** Where more characters than these differ the middles stand for each other as they are. */
const kMiddleMax = 1_200;

/** How `after` comes from `before`, in characters: what both have, in order, is as much as can be. */
export function difference(before: string, after: string): Piece[] {
  const a = [...before];
  const b = [...after];
  let begin = 0;
  while (begin < a.length && begin < b.length && a[begin] === b[begin]) begin++;
  let end = 0;
  while (end < a.length - begin && end < b.length - begin && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const pieces: Piece[] = [];
  const put = (kind: Piece["kind"], text: string) => {
    const last = pieces.at(-1);
    if (!text) return;
    if (last?.kind === kind) last.text += text;
    else pieces.push({ kind, text });
  };
  put("same", a.slice(0, begin).join(""));
  const middleA = a.slice(begin, a.length - end);
  const middleB = b.slice(begin, b.length - end);
  if (middleA.length > kMiddleMax || middleB.length > kMiddleMax) {
    put("removed", middleA.join(""));
    put("added", middleB.join(""));
  } else for (const [kind, text] of walk(middleA, middleB)) put(kind, text);
  put("same", a.slice(a.length - end).join(""));
  return pieces;
}

/** By the longest common subsequence. */
function walk(a: string[], b: string[]): [Piece["kind"], string][] {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width); // of what is behind i and j
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const out: [Piece["kind"], string][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(["same", a[i++]]);
      j++;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) out.push(["removed", a[i++]]);
    else out.push(["added", b[j++]]);
  }
  return out;
}
