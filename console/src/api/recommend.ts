/** The shapes of the routes that look into recommendation: docs/api.md. */
import type { ItemRef } from "./types";

/** Which rule keeps an item out, and its words. */
export interface Removed {
  rule: string;
  zh?: string;
  en?: string;
}

export interface InspectedItem {
  item: ItemRef;
  score: number;
  source: string;
  reason?: string;
  reason_en?: string;
  propensity?: number;
  terms?: { item: ItemRef; share: number }[];
  /** What trees behind the ranker added to its value, by what they look at. */
  value_terms?: { input: string; share: number }[];
  removed?: Removed | null;
}

export interface Inspection {
  person: string | null;
  model: string;
  as_of: string;
  n: number;
  candidates: number;
  removed: (Removed & { count: number })[];
  sources: { source: string; candidates: number; items: InspectedItem[] }[];
  stages: { stage: string; items: InspectedItem[] }[];
  interests: { tag: string; weight: number }[];
  history: number;
  fallback: boolean;
}

export interface MeanInterval {
  mean: number;
  low: number;
  high: number;
}

export interface ComparedVersion {
  id: string;
  trained_at?: string | null;
  active?: boolean;
  settings?: Record<string, unknown> | null;
  metrics?: Record<string, unknown> | null;
  sources: Record<string, number>;
  items: number;
  fallbacks: number;
}

export interface VersionComparison {
  people: number;
  n: number;
  versions: ComparedVersion[];
  overlap?: MeanInterval;
  identical?: number;
  examples?: { person: string; overlap: number; lists: (ItemRef & { source: string })[][] }[];
  later: {
    since: string;
    people: number;
    wanted: number;
    refused?: string;
    versions?: Record<string, MeanInterval>[];
    difference?: Record<string, MeanInterval>;
  };
}

export interface MapPoint extends ItemRef {
  category: string;
  tags: string[];
  popularity: number;
  x: number;
  y: number;
}

export interface CatalogueMap {
  by: string;
  model: string;
  items: MapPoint[];
  /** Of which nothing is known in this way. */
  left_out: number;
  /** More than the map shows. */
  beyond: number;
  shares: [number, number];
}

export interface IndexedItem extends ItemRef {
  category: string;
  author: string;
  url: string;
  tags: string[];
  price: number | null;
  stock: number | null;
  published_at: string | null;
  valid_from: string | null;
  valid_until: string | null;
}

export interface ItemLine {
  item: IndexedItem;
  status: string;
  events: Record<string, number>;
  sums: Record<string, number>;
  first_at: string | null;
  last_at: string | null;
  shown: number;
  shown_at: string | null;
  people: { dealt: number; reacted: number; bought: number };
  conversion: { of: "bought" | "reacted"; n: number; hits: number; share: number; low: number; high: number } | null;
}

export interface ItemPage {
  items: ItemLine[];
  total: number;
  next: string | null;
  by_status: Record<string, number>;
  by_kind: Record<string, number>;
}

export interface ItemReport extends ItemLine {
  kinds: { kind: string; events: number; people: number }[];
  daily: { day: string; dealt: number; bought: number }[];
  similar: InspectedItem[];
}

/** An item as the catalogue keeps it, and as it is sent back. */
export interface CatalogueItem extends ItemRef {
  text?: string;
  tags?: string[];
  category?: string;
  author?: string;
  campaign?: string;
  price?: number | null;
  stock?: number | null;
  valid_from?: string | null;
  valid_until?: string | null;
  published_at?: string | null;
  url?: string;
  cover?: string;
}

/** An item of an editors' list: as one of the catalogue, or `unknown` to it. */
export interface EditorListItem extends ItemRef {
  status: string;
}

/** Items that editors chose, and how the list stands. */
export interface EditorList {
  id: string;
  name: string;
  items: ItemRef[];
  account?: string;
  valid_from?: string | null;
  valid_until?: string | null;
  enabled: boolean;
  share: number;
  version: number;
  updated_at: string;
  updated_by: string;
  state: string;
  can_be_shown: number;
  by_status: Record<string, number>;
  /** Of one list only. */
  contents?: EditorListItem[];
}
