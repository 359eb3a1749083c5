/** The shapes of docs/api.md. Members that a server may leave out are optional here. */

export type Role = "admin" | "operator" | "analyst" | "ingest" | "page";

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
  version?: string;
  now?: string;
  stepped_clock?: boolean;
}

export interface Run {
  id: string;
  kind: string;
  title?: string;
  state: "running" | "done" | "failed" | "cancelled";
  progress?: number | null;
  detail?: string;
  started_at?: string;
  ended_at?: string | null;
  error?: string | null;
  result?: unknown;
}

/** What starting a run answers. */
export interface Started {
  run?: string;
  id?: string;
}

export interface Overview {
  people: number;
  followers: number;
  events_total: number;
  events_per_minute: { at: string; count: number }[];
  events_per_day?: { at: string; count: number }[];
  kinds: { kind: string; count: number }[];
  runs: Run[];
  campaigns: Campaign[];
  lag: number;
  as_of?: string;
}

export interface DataHealth {
  as_of: string;
  rate: { at: string; way: string; count: number }[];
  lag: { projection: string; records: number }[];
  since_start: { accepted: number; duplicate: number; quarantined: number };
  ways: { way: string; events: number; bots: number; late: number; quarantined: number; last_received_at: string }[];
  reasons: { way: string; field: string; reason: string; count: number; newest_at: string }[];
  quarantined: number;
  stores: { store: string; bytes: number | null; growth_per_day: number | null }[];
  sizes: { at: string; log: number | null; state: number | null; warehouse: number | null }[];
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
  response?: { probability: number; model: string; because?: { feature: string; log_odds: number; zh?: string; en?: string }[] } | null;
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
  explanation_en?: string | null;
  error?: string | null;
  clicked_at?: string | null;
  at: string;
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
  features: { name: string; help?: string; help_en?: string; unit?: string }[];
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
  picture_url?: string;
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
  waiting_until?: string | null;
  /** Why it paused or stopped, when that was not the operator's wish. */
  note?: string;
  progress?: Partial<Record<"audience" | "planned" | "held_out" | "refused" | "sending" | "sent" | "failed" | "unknown" | "cancelled", number>> | null;
}

/** How many a rule stopped; its words come along. */
export interface RuleCount {
  rule: string;
  count: number;
  zh?: string;
  en?: string;
}

export interface DryRun {
  as_of?: string;
  audience: number;
  holdout: number;
  send_at?: string | null;
  would_send: number;
  refused: RuleCount[];
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
  window_ends?: string | null;
  window_closed?: boolean;
}

export interface Report {
  campaign: string;
  as_of?: string;
  funnel: {
    audience: number;
    eligible?: number;
    held_out: number;
    refused: RuleCount[];
    planned?: number;
    sent: number;
    failed?: number;
    unknown?: number;
    cancelled?: number;
    delivered?: { count?: number | null; note?: string } | null;
    clicked: number;
    link_visits?: number;
    converted: number;
  };
  effect?: Effect | null;
  split?: { expected_holdout: number; observed_holdout: number; p: number; alarm: boolean } | null;
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
  settings?: Record<string, unknown> | null;
  window?: { from?: string | null; to?: string | null } | null;
  trained_at?: string;
  checksum?: string;
  active?: boolean;
  source?: "trained" | "installed" | "shipped";
  /** Of those that come with the program. */
  bytes?: number;
  classes?: string[];
  features?: number;
  encoder_values?: number;
  threshold?: number;
  card?: string | null;
  problem?: string;
}

export interface Encoder {
  id: string | null;
  problem?: string;
  checksum?: string;
  width?: number;
  layers?: number;
  vocabulary?: number;
  tokens_max?: number;
  kernels?: string;
}

/** How far two versions agree on the same texts, or pairs of texts. */
export interface Shadow {
  name: string;
  version: string;
  shadow: string;
  of?: "texts" | "pairs";
  agreement: {
    texts: number;
    same: number;
    share: number | null;
    interval: [number, number] | null;
    kappa: number | null;
    confidence: { old: number | null; new: number | null };
    score_difference?: number;
    changes: { old: string; new: string; texts: number }[];
  };
}

/** `index` and `psi` are of the last day with enough texts. */
export interface DriftAlert {
  state: "idle" | "open" | "escalated" | "quiet";
  since: string | null;
  day: string | null;
  index: "confidence" | "labels" | "ngrams" | null;
  psi: number | null;
  above: number;
  texts_min: number;
  days_in_a_row: number;
}

export type DriftVerdict = "stable" | "few" | "shifting" | "shifted";
type DriftIndexes<T> = Record<"confidence" | "labels" | "ngrams", T>;
/** Shares from 0 to 1; without `psi` nothing was seen yet, with `problem` there is nothing to compare with. */
export interface Drift {
  name: string;
  version: string;
  texts: number;
  reference_texts?: number;
  problem?: string;
  window: string;
  psi?: DriftIndexes<number>;
  chance?: DriftIndexes<number>;
  verdicts?: DriftIndexes<DriftVerdict>;
  verdict?: DriftVerdict;
  thresholds?: { shifting: number; shifted: number };
  drifted?: string[];
  /** Of the last 60 days, whatever the window; absent with `problem`. */
  alert?: DriftAlert;
  /** Only days with texts; absent of the last texts. */
  days?: { day: string; texts: number; psi: DriftIndexes<number>; verdict: DriftVerdict }[];
  confidence?: { from: number; to: number; before: number; now: number }[];
  labels?: { label: string; before: number; now: number }[];
  ngrams?: { ngram: string; before: number; now: number }[];
}

/** Texts by their places; groups of what hangs together, the largest first. */
export interface Duplicates {
  items: { near: { text: number; similarity: number }[] }[];
  groups: number[][];
}
/** An index of near-duplicates that the server keeps. */
export interface DuplicateIndex {
  name: string;
  texts: number;
  created_at: string;
  changed_at: string;
}
export interface AnalysisFile {
  run: string;
  name: string;
  rows: number;
  faulty: number;
  failed: number;
  done: boolean;
  running: boolean;
  bytes: number;
}

export interface ModelList {
  items: Model[];
  shipped?: Model[];
  encoder?: Encoder;
  shadows?: Shadow[];
  /** Open ones, of the versions in use. */
  drift_alerts?: (DriftAlert & { name: string; version: string })[];
}

/** Where something stands in a text: bytes, begin and end. */
export type ByteSpan = [number, number];

export interface Verdict {
  label: string;
  confidence: number;
  scores: Record<string, number>;
  rejected: boolean;
  version: string;
  intensity?: number;
  why?: { decision: number; intercept: number; encoder: number; terms: { term: string; weight: number; spans: ByteSpan[] }[] };
  error?: { code: string; message: string };
}

export interface Analysis {
  language?: { name: string; confidence: number };
  keywords?: { word: string; weight: number }[];
  entities?: { kind: string; text: string; span: ByteSpan; by: string; confidence: number | null }[];
  masked?: string;
  words?: { word: string; tag: string; span: ByteSpan }[];
  error?: { code: string; message: string; field?: string };
  /** By a classifier's name. */
  [task: string]: unknown;
}

export interface Generator {
  backend: string;
  name: string;
  instead: boolean;
  endpoints: { host: string; model: string }[];
  file?: string;
  limits: { tokens_a_day: number; fen_a_day: number; budgets: string; at_once: number };
  spend_today?: { purpose: string; tokens: number; cost_fen: number; tokens_a_day: number; fen_a_day: number }[];
  since_start: {
    texts: number;
    failed: number;
    cancelled: number;
    prompt_tokens: number;
    answer_tokens: number;
    estimated: boolean;
    cost_fen: number;
    seconds: number;
    last_text_at: string | null;
    last_failure: { at: string; code: string; message: string } | null;
  };
}

export interface Completion {
  model: string;
  choices: { message: { content: string | null; refusal?: string | null }; finish_reason: string }[];
  usage?: { prompt_tokens: number; completion_tokens: number };
}

export interface DraftFindings {
  text: string;
  removed: { text: string; reason: string }[];
  personal: { kind: string; text: string }[];
  leak: string | null;
}

/** An answer of the account; the console edits texts and keeps the other types as they are. */
export interface Reply {
  type: "none" | "text" | "image" | "news" | "transfer";
  text?: string;
}

export interface ReplyRules {
  welcome?: Reply;
  keywords?: { words: string[]; match?: "exact" | "contains"; reply: Reply }[];
  opt_out_words?: string[];
  opt_in_words?: string[];
  opt_out_text?: string;
  opt_in_text?: string;
}

/** Limits; those that the console does not show are kept. */
export interface AccountPolicy {
  quiet_from?: string;
  quiet_until?: string;
  touches_per_day?: number;
  touches_per_month?: number;
  [name: string]: unknown;
}

export interface Account {
  id: string;
  name: string;
  kind: "service" | "subscription";
  verified: boolean;
  app_id?: string;
  original_id?: string;
  suite_id?: string;
  mode: "plain" | "compatible" | "secure";
  has_secret?: boolean;
  has_token?: boolean;
  has_encoding_aes_key?: boolean;
  token_kind?: string;
  zone?: string;
  base_url?: string;
  reply_rules?: ReplyRules;
  policy?: AccountPolicy;
  version?: number;
}

/** What is sent to connect or change an account; absent secrets stay as they are. */
export type AccountInput = Omit<Account, "has_secret" | "has_token" | "has_encoding_aes_key" | "version"> & {
  app_secret?: string;
  token?: string;
  encoding_aes_key?: string;
};

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

export interface AuditEntry {
  id?: number;
  at: string;
  who: string;
  what: string;
  status?: number;
  detail?: string;
}

export interface Doctor {
  ok: boolean;
  version?: string;
  checks: { name: string; ok: boolean; detail?: string; advice?: string }[];
}

/** One channel of one account today. */
export interface ChannelQuota {
  channel: string;
  limit: number;
  used: number;
  reserved: number;
  leased?: number;
  left: number;
  sent: number;
  failed: number;
  unknown: number;
  resets_at: string;
}

export interface AccountQuota {
  account: string;
  channels: ChannelQuota[];
  windows_open: number;
  windows_unused: number;
  grants: number;
  methods?: MethodQuota[];
  held?: SendHold | null;
}

export interface MethodQuota {
  name: string;
  methods: string[];
  period: "day" | "month";
  limit: number;
  used: number;
  left: number;
  resets_at: string;
}

export interface SendHold {
  since: string;
  errcode: number;
  error: string;
}

export interface MassJob {
  id: string;
  campaign: string;
  account: string;
  size: number;
  state: string;
  attempt: number;
  is_uncertain: boolean;
  provider_id: string;
  error: string;
  created_at: string;
  status: string;
  delivered: number;
  failed: number;
  filtered: number;
}

/** A request of the platform of the last 24 hours; the sender is shortened. */
export interface RecentCallback {
  at: string;
  kind: string;
  event: string;
  sender: string;
  answer: string;
  decision: string;
}

/** What the platform told the owner of an account. */
export interface CallbackNotice {
  at: string;
  occurred_at: string;
  event: string;
  fields: Record<string, unknown>;
}

/** What became of an answer that was not there at once. */
export interface LateAnswer {
  key: string;
  decision: string;
  reason: string;
  callbacks: number;
  opened_at: string;
  decided_at: string;
  answered_at?: string | null;
}

export interface ConnectionCheck {
  account: string;
  name: string;
  ok: boolean;
  detail?: string;
  advice?: string;
}

export interface Mapping {
  name: string;
  shipped?: boolean;
}

export interface ColumnQuality {
  name: string;
  role?: string;
  present: number;
  missing: number;
  invalid: number;
  distinct?: number;
  numbers?: number;
  minimum?: number | null;
  maximum?: number | null;
  mean?: number | null;
  median?: number | null;
  outliers?: number;
  outlier_below?: number | null;
  outlier_above?: number | null;
  normalised?: { what: string; count: number }[];
}

export interface QualityReport {
  file: string;
  mapping: string;
  rows: number;
  rows_good: number;
  rows_skipped: number;
  rows_bad: number;
  rows_repeated: number;
  events: number;
  accepted: number;
  duplicates: number;
  refused: number;
  items: number;
  columns: ColumnQuality[];
  bad_rows: { row: number; column?: string; reason: string }[];
  notes: string[];
}

export interface ImportReport {
  run: string;
  state: string;
  account?: string;
  resumed_from_row?: number;
  seconds?: number;
  quality: QualityReport;
}
