/** `{{name|fallback}}` in message texts. */

export interface Variable {
  name: string;
  fallback: string | null;
}

const kVariable = /\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}/g;

export function variables(text: string): Variable[] {
  return [...text.matchAll(kVariable)].map((match) => ({
    name: match[1],
    fallback: match[2] === undefined ? null : match[2].trim(),
  }));
}

/** The text as one person would read it; a variable without value takes its fallback. */
export function filled(text: string, values: Record<string, string>): string {
  return text.replace(kVariable, (_, name: string, fallback?: string) => {
    return values[name] ?? fallback?.trim() ?? `{{${name}}}`;
  });
}

/** Braces that open without closing, or names that are empty: what would be refused later. */
export function faults(text: string): string[] {
  const rest = text.replace(kVariable, "");
  const found: string[] = [];
  if (rest.includes("{{") || rest.includes("}}")) found.push("braces");
  if (variables(text).some((one) => one.name === "")) found.push("name");
  return found;
}

/** WeChat counts a text message in UTF-8 bytes. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
