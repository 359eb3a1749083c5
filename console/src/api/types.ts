/** The shapes of docs/api.md. Members that a server may leave out are optional here. */

export type Role = "admin" | "operator" | "analyst" | "ingest";

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface Session {
  signed_in: boolean;
  user?: string;
  role?: Role;
  csrf?: string;
  needs_setup?: boolean;
}

export interface Run {
  id: string;
  kind: string;
  state: "running" | "done" | "failed" | "cancelled";
  progress?: number | null;
  detail?: string;
  started_at?: string;
  ended_at?: string | null;
  result?: unknown;
}

export interface Overview {
  people: number;
  followers: number;
  events_total: number;
  events_per_minute: { at: string; count: number }[];
  kinds: { kind: string; count: number }[];
  runs: Run[];
  campaigns: Campaign[];
  lag: number;
  as_of?: string;
}

export interface PersonRow {
  id: string;
  first_seen?: string;
  last_seen?: string;
  events?: number;
  following?: Following;
  interests?: string[];
}

/** Whether someone follows: one answer, or the accounts that they follow. */
export type Following = boolean | string[] | string | null;

export interface Portrait {
  id: string;
  identities: { account: string; kind: string; value_short: string; first_seen?: string }[];
  first_seen?: string;
  last_seen?: string;
  following?: Following;
  features: Record<string, number | null>;
  interests: { tag: string; weight: number }[];
  traits: Record<string, unknown>;
  active_hours: number[];
  response?: { probability: number; model: string } | null;
  segments: string[];
}

export interface ItemRef {
  kind: string;
  id: string;
  title?: string;
}

export interface PersonEvent {
  at: string;
  kind: string;
  item?: ItemRef | null;
  value?: number | null;
  account?: string;
}

export interface Touch {
  touch: string;
  campaign: string;
  channel: string;
  state: string;
  rule?: string | null;
  explanation?: string | null;
  at: string;
}

export interface Recommendations {
  person: string;
  items: { item: ItemRef; score: number; reason?: string; source?: string; propensity?: number }[];
  model?: string | null;
  fallback?: boolean;
}

export interface Why {
  member: boolean;
  as_of?: string;
  explanation: Explained;
}

/** A node of a segment tree with what it came to. */
export type Explained = Record<string, unknown> & { result?: boolean; evidence?: unknown };

export type Tree = Record<string, unknown>;

export interface Segment {
  id: string;
  name: string;
  tree: Tree;
  version?: number;
  count?: number | null;
  as_of?: string | null;
}

export interface SegmentPreview {
  count: number;
  as_of?: string;
  sample: (PersonRow | string)[];
}

export interface FeatureList {
  features: { name: string; help?: string; unit?: string }[];
  kinds: (string | { name: string; unit?: string; value_unit?: string })[];
  traits: string[];
  tags: string[];
}

export interface Message {
  type: string;
  text?: string;
  link?: string;
  title?: string;
  description?: string;
  picture?: string;
  template_id?: string;
  data?: Record<string, string>;
}

export interface Campaign {
  id: string;
  name: string;
  account: string;
  segment: string;
  holdout: number;
  channel: "mass" | "customer_service" | "template";
  message: Message;
  at?: string | null;
  goal?: { event: string; window: string } | null;
  version?: number;
  state?: "draft" | "running" | "paused" | "stopped" | "done";
  purpose?: "marketing" | "notification";
}

export interface DryRun {
  as_of?: string;
  audience: number;
  holdout: number;
  would_send: number;
  refused: { rule: string; count: number }[];
  quota?: { needed: number; left: number | null } | null;
  previews?: { person: string; text: string }[];
  people?: { person: string; decision: string; rule?: string | null }[];
}

export interface Arm {
  n: number;
  mean: number;
}

export interface Effect {
  metric: string;
  treated?: Arm | null;
  control?: Arm | null;
  estimate?: number | null;
  se?: number | null;
  interval?: [number, number] | null;
  p?: number | null;
  dof?: number | null;
  refused?: string | null;
}

export interface Report {
  campaign: string;
  as_of?: string;
  funnel: {
    audience: number;
    held_out: number;
    refused: { rule: string; count: number }[];
    sent: number;
    delivered?: { count: number | null; note?: string } | null;
    clicked: number;
    converted: number;
  };
  effect?: Effect | null;
  words?: { zh?: string; en?: string } | null;
  daily?: { day: string; sent: number; clicked: number; converted: number }[];
}

export interface Quarantined {
  id: string | number;
  received_at: string;
  source: string;
  reason: string;
  field?: string | null;
  event: unknown;
}

export interface Model {
  id: string;
  kind: string;
  version: number | string;
  metrics?: Record<string, unknown> | null;
  trained_at?: string;
  active?: boolean;
}

export interface Account {
  id: string;
  name: string;
  kind: "service" | "subscription";
  verified: boolean;
  app_id?: string;
  original_id?: string;
  token?: string;
  mode: "plain" | "compatible" | "secure";
  has_secret?: boolean;
  version?: number;
}

export interface AccountCheck {
  callback_url: string;
  callback_seen_at?: string | null;
  token_ok?: boolean | null;
  checks?: { name: string; ok: boolean; detail?: string }[];
}

export interface ApiKey {
  id: string;
  name: string;
  role: Role;
  accounts?: string[];
  created_at?: string;
  last_used_at?: string | null;
}

export interface User {
  name: string;
  role: Role;
  created_at?: string;
}

export type AuditEntry = Record<string, unknown>;
