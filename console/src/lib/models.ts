/** Versions of models: by kind, told apart, compared. */
import type { Encoder, Model } from "../api/types";

/** Models that answer about people and items; the others read texts. */
const kOfPeople = new Set(["response", "recommend", "ranker"]);

export const readsTexts = (kind: string): boolean => !kOfPeople.has(kind);

export interface Kind {
  kind: string;
  /** Newest first; the one that comes with the program last. */
  versions: Model[];
  inUse: Model | null;
}

/** The version that a kind uses: the active one, else what comes with the program. */
export function byKind(items: Model[], shipped: Model[] = []): Kind[] {
  const kinds = new Map<string, Model[]>();
  for (const model of [...items, ...shipped]) kinds.set(model.kind, [...(kinds.get(model.kind) ?? []), model]);
  return [...kinds]
    .map(([kind, versions]) => ({
      kind, versions,
      inUse: versions.find((one) => one.active) ?? versions.find((one) => one.source === "shipped" && !one.problem) ?? null,
    }))
    .sort((a, b) => Number(readsTexts(a.kind)) - Number(readsTexts(b.kind)));
}

/** Whether `model` would take back what `inUse` brought: an earlier version of the same kind. */
export function isEarlier(model: Model, inUse: Model | null): boolean {
  return Number(model.version) < Number(inUse?.version);
}

/** Names of the classifiers of one text that can answer: in use, and not in need of an encoder that is not here. */
export function usableClassifiers(kinds: Kind[], encoder: Encoder | undefined): string[] {
  const needs = (model: Model) => String(model.settings?.encoder ?? "");
  return kinds
    .filter((one) => readsTexts(one.kind) && one.inUse !== null && one.inUse.settings?.task !== "pair")
    .filter((one) => needs(one.inUse!) === "" || needs(one.inUse!) === encoder?.checksum)
    .map((one) => one.kind);
}

export interface Difference {
  path: string;
  before: unknown;
  after: unknown;
}

function leaves(value: unknown, path: string, out: Map<string, unknown>): Map<string, unknown> {
  if (value !== null && typeof value === "object" && Object.keys(value).length) {
    for (const [name, one] of Object.entries(value)) leaves(one, path ? `${path}.${name}` : name, out);
  } else if (value !== undefined) {
    out.set(path, value);
  }
  return out;
}

/** The leaves in which two values differ, by path; absent ones are undefined. */
export function differences(before: unknown, after: unknown): Difference[] {
  const a = leaves(before, "", new Map());
  const b = leaves(after, "", new Map());
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => JSON.stringify(a.get(path)) !== JSON.stringify(b.get(path)))
    .sort()
    .map((path) => ({ path, before: a.get(path), after: b.get(path) }));
}

export interface Likeness {
  a: number;
  b: number;
  value: number;
}

/** Cosines of vectors of length 1: every two, and the pairs with the most alike first. */
export function likeness(vectors: number[][]): { matrix: number[][]; pairs: Likeness[] } {
  const matrix = vectors.map((a) => vectors.map((b) => a.reduce((sum, one, at) => sum + one * b[at], 0)));
  const pairs = matrix.flatMap((row, a) => row.slice(a + 1).map((value, at) => ({ a, b: a + 1 + at, value })));
  return { matrix, pairs: pairs.sort((x, y) => y.value - x.value) };
}
