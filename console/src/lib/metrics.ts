/** What stands in a model's `metrics`, however deep it was put. */

export interface ModelMetrics {
  values: [string, number][];
  confusion: number[][] | null;
  intervals: Record<string, [number, number]>;
  /** What a person should know before trusting it. */
  warnings: string[];
}

type Bag = Record<string, unknown>;
const isBag = (value: unknown): value is Bag => value !== null && typeof value === "object" && !Array.isArray(value);
const isMatrix = (value: unknown): value is number[][] =>
  Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) && row.every((cell) => typeof cell === "number"));

/** Figures of the test part come first when parts are told apart. */
export function readMetrics(metrics: unknown): ModelMetrics {
  const bag = isBag(metrics) ? metrics : {};
  const part = isBag(bag.test) ? bag.test : bag;
  const values = isBag(part.metrics) ? part.metrics : part;
  const numbers = Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  const confusion = [part.confusion, bag.confusion].find(isMatrix) ?? null;
  const intervals: Record<string, [number, number]> = {};
  for (const [name, value] of Object.entries(isBag(part.intervals) ? part.intervals : {})) {
    const pair = isBag(value) ? [value.low, value.high] : value;
    if (Array.isArray(pair) && typeof pair[0] === "number" && typeof pair[1] === "number") intervals[name] = [pair[0], pair[1]];
  }
  const warnings = Array.isArray(bag.warnings) ? bag.warnings.filter((one): one is string => typeof one === "string") : [];
  return { values: numbers, confusion, intervals, warnings };
}

const kShares = new Set(["accuracy", "precision", "recall", "f1", "macro_f1", "auc"]);

export const isShare = (name: string): boolean => kShares.has(name);
