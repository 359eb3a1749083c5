/** Parts of a text that the server names by bytes. */
import type { ByteSpan } from "../api/types";

export interface Piece {
  text: string;
  /** What stands there counts so much; 0 where nothing was said of it. */
  weight: number;
}

/** The text in pieces of one weight each: the sum of all spans that cover it. Spans that lie outside count as far as they
 * lie within; one that begins or ends inside a character takes all of it. */
export function weighted(text: string, spans: { span: ByteSpan; weight: number }[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const character of text) {
    const end = at + utf8Length(character);
    let weight = 0;
    for (const one of spans) if (one.span[0] < end && one.span[1] > at) weight += one.weight;
    const last = pieces.at(-1);
    if (last && last.weight === weight) last.text += character;
    else pieces.push({ text: character, weight });
    at = end;
  }
  return pieces;
}

function utf8Length(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** Which of `steps` shades a weight has, -steps to steps, against the heaviest; 0 only for none. */
export function shade(weight: number, heaviest: number, steps = 3): number {
  if (weight === 0 || heaviest <= 0) return 0;
  const size = Math.min(steps, Math.max(1, Math.ceil((Math.abs(weight) / heaviest) * steps)));
  return weight > 0 ? size : -size;
}
