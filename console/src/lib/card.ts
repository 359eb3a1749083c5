/** What the console shows of a model card in Markdown: paragraphs and tables. */
export type CardPart = { text: string } | { head: string[]; rows: string[][] };

const cells = (line: string) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => plain(cell));
const plain = (text: string) => text.trim().replace(/`([^`]*)`/g, "$1").replace(/\*\*/g, "");

/** Headings go: the page says what the card is of. */
export function readCard(markdown: string): CardPart[] {
  const parts: CardPart[] = [];
  for (const block of markdown.replace(/\r/g, "").split(/\n{2,}/)) {
    const lines = block.split("\n").filter((line) => line.trim() && !line.startsWith("#"));
    if (!lines.length) continue;
    if (!lines.every((line) => line.startsWith("|"))) {
      parts.push({ text: plain(lines.join(" ")) });
      continue;
    }
    const rows = lines.filter((line) => !/^\|[\s|:-]*-[\s|:-]*$/.test(line)).map(cells);
    const [head, ...rest] = rows;
    if (head.some((cell) => cell)) parts.push({ head, rows: rest });
    else if (rest.length) parts.push({ head: [], rows: rest });
  }
  return parts;
}
