/** What stands in a model's `metrics`, however deep it was put. */
import { number, percent } from "./format";

export interface ClassScore {
  class: string;
  precision: number;
  recall: number;
  f1: number;
  support: number;
}

/** Of the rows whose probability lay near `predicted`, the share that was so. */
export interface ReliabilityBin {
  predicted: number;
  observed: number;
  count: number;
}

export interface ModelMetrics {
  values: [string, number][];
  confusion: number[][] | null;
  intervals: Record<string, [number, number]>;
  /** Names of the confusion's rows and columns, when they are given. */
  classes: string[];
  perClass: ClassScore[];
  reliability: ReliabilityBin[];
  /** What a person should know before trusting it. */
  warnings: string[];
}

type Bag = Record<string, unknown>;
const isBag = (value: unknown): value is Bag => value !== null && typeof value === "object" && !Array.isArray(value);
const isMatrix = (value: unknown): value is number[][] =>
  Array.isArray(value) && value.length > 0 && value.every((row) => Array.isArray(row) && row.every((cell) => typeof cell === "number"));

/** What is looked at first stands first; the rest as it came. */
const kFirst = ["accuracy", "macro_f1", "precision", "recall", "f1", "auc"];
const place = (name: string) => (kFirst.includes(name) ? kFirst.indexOf(name) : kFirst.length);

const isScore = (value: unknown): value is ClassScore =>
  isBag(value) && typeof value.class === "string" && ["precision", "recall", "f1", "support"].every((name) => typeof value[name] === "number");
const isBin = (value: unknown): value is ReliabilityBin =>
  isBag(value) && ["predicted", "observed", "count"].every((name) => typeof value[name] === "number");
const listOf = <T>(value: unknown, is: (one: unknown) => one is T): T[] => (Array.isArray(value) ? value.filter(is) : []);
const isText = (value: unknown): value is string => typeof value === "string";

/** Figures of the test part come first when parts are told apart. */
export function readMetrics(metrics: unknown): ModelMetrics {
  const bag = isBag(metrics) ? metrics : {};
  const part = isBag(bag.test) ? bag.test : bag;
  const values = isBag(part.metrics) ? part.metrics : part;
  const numbers = Object.entries(values)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .sort(([a], [b]) => place(a) - place(b));
  const confusion = [part.confusion, bag.confusion].find(isMatrix) ?? null;
  const intervals: Record<string, [number, number]> = {};
  for (const [name, value] of Object.entries(isBag(part.intervals) ? part.intervals : {})) {
    const pair = isBag(value) ? [value.low, value.high] : value;
    if (Array.isArray(pair) && typeof pair[0] === "number" && typeof pair[1] === "number") intervals[name] = [pair[0], pair[1]];
  }
  return {
    values: numbers, confusion, intervals,
    classes: listOf(part.classes ?? bag.classes, isText),
    perClass: listOf(part.per_class ?? bag.per_class, isScore),
    reliability: listOf(part.reliability ?? bag.reliability, isBin).filter((bin) => bin.count > 0),
    warnings: listOf(bag.warnings, isText),
  };
}

const kShares = new Set(["accuracy", "precision", "recall", "f1", "macro_f1", "auc", "coverage", "accepted_accuracy", "in_use_recall"]);

export const isShare = (name: string): boolean => kShares.has(name);

/** A figure as it is read: shares in per cent. */
export const figure = (name: string, value: number): string => (isShare(name) ? percent(value, 1) : number(value, 4));
