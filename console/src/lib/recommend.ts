/** Lists beside each other, learning curves, groups on a map. */
import type { ItemRef } from "../api/types";

export const itemKey = (item: ItemRef): string => `${item.kind}/${item.id}`;
export const itemPath = (item: ItemRef): string => `${encodeURIComponent(item.kind)}/${encodeURIComponent(item.id)}`;

/** The place (from 1) of each item of a list. */
export function places(list: ItemRef[]): Map<string, number> {
  return new Map(list.map((item, at) => [itemKey(item), at + 1]));
}

/** How an item at `place` stands beside its place in another list: places gained (above 0) or lost, or new. */
export function moved(place: number, before: number | undefined): number | "new" {
  return before === undefined ? "new" : before - place;
}

type Bag = Record<string, unknown>;
const isBag = (value: unknown): value is Bag => value !== null && typeof value === "object" && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export interface Trial {
  params: string;
  value: number;
  low: number | null;
  high: number | null;
}

export interface Curves {
  /** Of each sweep, as training left it. */
  losses: number[];
  /** In the order tried. */
  tried: Trial[];
}

/** What a version's metrics tell of how it was learnt: `losses` by sweep, and `tried` of a search. */
export function readCurves(metrics: unknown): Curves {
  const bag = isBag(metrics) ? metrics : {};
  const losses = Array.isArray(bag.losses) ? bag.losses.filter(isNumber) : [];
  const shown = (value: unknown) => String(isNumber(value) ? Number(value.toPrecision(6)) : value);
  const tried = (Array.isArray(bag.tried) ? bag.tried : []).filter(isBag).flatMap((one) => {
    if (!isNumber(one.value)) return [];
    const interval = Array.isArray(one.interval) ? one.interval : [one.low, one.high];
    const params = isBag(one.params) ? Object.entries(one.params).map(([name, value]) => `${name}=${shown(value)}`).join(" ") : "";
    return [{ params, value: one.value, low: isNumber(interval[0]) ? interval[0] : null, high: isNumber(interval[1]) ? interval[1] : null }];
  });
  return { losses, tried };
}

/** A new version beside the one in use, on the newest part of what people liked. */
export interface VersionTrial {
  from: string;
  people: number;
  likings: number;
  ndcg: number;
  /** Id of the version in use; empty: there was none. */
  inUse: string;
  /** Its settings were learnt again, from the same older part. */
  retrained: boolean;
  inUseNdcg: number;
  gain: number;
  low: number;
  high: number;
  notWorse: boolean;
}

/** Null where nothing was measured. */
export function readTrial(metrics: unknown): VersionTrial | null {
  const bag = isBag(metrics) ? metrics : {};
  if (!isNumber(bag.people_measured) || !isNumber(bag.ndcg) || typeof bag.held_out_from !== "string") return null;
  const figure = (name: string): number => (isNumber(bag[name]) ? (bag[name] as number) : NaN);
  const interval = isBag(bag.intervals) && Array.isArray(bag.intervals.ndcg_gain) ? bag.intervals.ndcg_gain : [];
  return {
    from: bag.held_out_from, people: bag.people_measured, likings: figure("held_out_likings"), ndcg: bag.ndcg,
    inUse: typeof bag.in_use === "string" ? bag.in_use : "", retrained: bag.in_use_retrained === true,
    inUseNdcg: figure("in_use_ndcg"), gain: figure("ndcg_gain"), low: isNumber(interval[0]) ? interval[0] : NaN,
    high: isNumber(interval[1]) ? interval[1] : NaN, notWorse: bag.not_worse === true,
  };
}

export interface Group<T> {
  name: string;
  points: T[];
}

/** The largest groups by name, the rest under the empty name; falling by size, the rest last. */
export function grouped<T>(points: T[], nameOf: (point: T) => string, most: number): Group<T>[] {
  const by = new Map<string, T[]>();
  for (const point of points) {
    const name = nameOf(point);
    by.set(name, [...(by.get(name) ?? []), point]);
  }
  const named = [...by].filter(([name]) => name !== "").sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
  const rest = [...named.slice(most).flatMap(([, some]) => some), ...(by.get("") ?? [])];
  return [...named.slice(0, most).map(([name, some]) => ({ name, points: some })), ...(rest.length ? [{ name: "", points: rest }] : [])];
}

/** Whether every word of `wanted` stands in one of the texts, in either case. */
export function matches(wanted: string, texts: (string | undefined)[]): boolean {
  const all = texts.join(" ").toLowerCase();
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length > 0 && words.every((word) => all.includes(word));
}
