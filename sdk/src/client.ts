// What web pages and mini-programs share: who somebody is, the queue that outlives a page, consent, and sending again.

/** `article:1001`, or {kind, id}. */
export type ItemLike = string | Item | null | undefined;
export interface Item { kind: string; id: string }
export interface EventOptions { item?: ItemLike; value?: number | string; properties?: Record<string, unknown> }
interface Identity { account: string; kind: string; value: string }
interface QueuedEvent {
  event_id: string; account: string; identities: Identity[]; kind: string; properties: Record<string, unknown>;
  occurred_at: number; item?: Item; value?: number; sent_at?: number;
}

/** What differs between a page and a mini-program. `load` and `save` may fail by themselves: nothing kept is ''. */
export interface Platform {
  now(): number;
  randomId(): string;
  load(name: string): string;
  save(name: string, value: string): void;
  /** Status of the answer; rejects when there was none. */
  post(body: string, leaving: boolean): Promise<number>;
  /** Hands the body over without an answer; false when it could not. */
  beacon(body: string): boolean;
  later(ms: number, work: () => void): void;
}

// The form of a UUID of version 7: the server keeps ids of one time beside each other.
const uuid7 = (now: number, random: string) => {
  const time = now.toString(16).padStart(12, '0').slice(-12), r = random.slice(-18);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${r.slice(0, 3)}-8${r.slice(3, 6)}-${r.slice(6)}`;
};

const QUEUE_MAX = 200;           // events kept while the network is away; the oldest go first
const BATCH_BYTES = 60000;       // sendBeacon refuses more than 64 KiB
const RETRY_MS = 2000;           // doubled after each failure, up to
const RETRY_MAX_MS = 300000;
const ACKNOWLEDGED_MAX = 500;

export function parseItem(item: ItemLike): Item | null {
  if (!item) return null;
  if (typeof item === 'object') return item;
  const colon = item.indexOf(':');
  return colon < 1 ? { kind: 'page', id: item } : { kind: item.slice(0, colon), id: item.slice(colon + 1) };
}

export class Client {
  item: Item | null = null;
  campaign = '';
  touch = '';
  private openid = '';
  private anonymous = '';
  private queue: QueuedEvent[] = [];
  private sending: QueuedEvent[] = [];
  private done: string[] = [];     // ids that were answered, so that another page's copy of the queue does not bring them back
  private failures = 0;
  private waiting = false;
  private allowed: boolean;
  private denied = false;

  /** With `ask`, nothing is stored or sent before consent(true); what happens meanwhile waits in memory. */
  constructor(private platform: Platform, public account: string, ask: boolean) {
    const decided = platform.load('consent');
    this.denied = decided === 'no';
    this.allowed = !this.denied && (!ask || decided === 'yes');
    if (this.allowed) this.begin();
    else this.anonymous = platform.randomId();
  }

  private begin() {
    this.anonymous = this.platform.load('id') || this.anonymous || this.platform.randomId();
    this.platform.save('id', this.anonymous);
    this.queue = this.kept().concat(this.queue).slice(-QUEUE_MAX);
    for (const event of this.queue) {  // those from before the consent
      for (const who of event.identities) if (who.kind === 'anonymous_id') who.value = this.anonymous;
    }
  }

  private kept(): QueuedEvent[] {
    try {
      const list = JSON.parse(this.platform.load('queue') || '[]');
      return Array.isArray(list) ? list.filter((e) => e && e.event_id && e.kind) : [];
    } catch { return []; }
  }

  /** Keeps what is not acknowledged, and what other pages kept meanwhile. */
  private keep() {
    if (!this.allowed) return;
    const own = this.sending.concat(this.queue);
    const known: Record<string, 1> = {};
    for (const id of this.done) known[id] = 1;
    for (const event of own) known[event.event_id] = 1;
    const all = this.kept().filter((e) => !known[e.event_id]).concat(own).slice(-QUEUE_MAX);
    this.platform.save('queue', all.length ? JSON.stringify(all) : '');
  }

  consent(given: boolean) {
    this.platform.save('consent', given ? 'yes' : 'no');
    this.denied = !given;
    if (given && !this.allowed) {
      this.allowed = true;
      this.begin();
      this.flush();
    } else if (!given) {
      this.allowed = false;
      this.queue = [];
      this.platform.save('queue', '');
      this.platform.save('id', '');
      this.anonymous = this.platform.randomId();
    }
  }

  add(kind: string, options: EventOptions = {}) {
    if (this.denied) return;
    const properties = Object.assign({}, options.properties);
    if (this.campaign) properties.campaign = this.campaign;
    if (this.touch) properties.touch = this.touch;
    const who: Identity[] = [{ account: this.account, kind: 'anonymous_id', value: this.anonymous }];
    if (this.openid) who.unshift({ account: this.account, kind: 'openid', value: this.openid });
    const event: QueuedEvent = { event_id: uuid7(this.platform.now(), this.platform.randomId()), account: this.account, identities: who, kind, properties,
      occurred_at: this.platform.now() };
    const item = parseItem(options.item) || this.item;
    if (item) event.item = item;
    const value = parseFloat(options.value as string);
    if (isFinite(value)) event.value = Math.round(value);
    this.queue.push(event);
    this.queue = this.queue.slice(-QUEUE_MAX);
    this.keep();
  }

  track(kind: string, options?: EventOptions) {
    this.add(kind, options);
    this.flush();
  }

  /** A link for everybody does not say who followed it; now the page does, once a visit. True when it is to be reported. */
  identify(who: { account?: string; openid?: string }): boolean {
    this.account = who.account || this.account;
    this.openid = who.openid || this.openid;
    return !!(this.openid && this.campaign && !this.touch);
  }

  private nextBatch(): QueuedEvent[] {
    const batch: QueuedEvent[] = [];
    let bytes = 0;
    while (this.queue.length) {
      bytes += JSON.stringify(this.queue[0]).length * 3;  // at worst three bytes a character
      if (batch.length && bytes > BATCH_BYTES) break;
      batch.push(this.queue.shift()!);
    }
    return batch;
  }

  private acknowledged(batch: QueuedEvent[]) {
    this.done = this.done.concat(batch.map((e) => e.event_id)).slice(-ACKNOWLEDGED_MAX);
  }

  /** Whatever does not get through is sent again under the same ids; the server knows them. */
  flush(leaving = false) {
    if (!this.allowed || !this.account) return;
    while (this.queue.length) {
      const batch = this.nextBatch();
      // With the time of sending the server sees by how much this clock is wrong.
      const now = this.platform.now();
      const body = JSON.stringify(batch.map((e) => Object.assign({}, e, { sent_at: now })));
      if (leaving && this.platform.beacon(body)) {
        this.acknowledged(batch);
        continue;
      }
      this.sending = this.sending.concat(batch);
      const settle = (sent: boolean) => {
        this.sending = this.sending.filter((e) => batch.indexOf(e) < 0);
        if (!this.allowed) return;
        if (sent) {
          this.failures = 0;
          this.acknowledged(batch);
        } else {
          this.queue = batch.concat(this.queue).slice(-QUEUE_MAX);
          this.again();
        }
        this.keep();
      };
      // A refusal stays one; only what may pass later is sent again.
      this.platform.post(body, leaving).then((status) => settle(status < 500 && status !== 429 && status !== 408), () => settle(false));
    }
    this.keep();
  }

  private again() {
    if (this.waiting) return;
    this.waiting = true;
    this.platform.later(Math.min(RETRY_MS * Math.pow(2, this.failures++), RETRY_MAX_MS), () => {
      this.waiting = false;
      this.flush();
    });
  }
}

/** Seconds of looking, and how far: what a page was read. */
export class Reading {
  private since = 0;
  private visibleMs = 0;
  private reported = 0;
  depth = 0;
  constructor(private now: () => number) {}
  look() { this.since = this.since || this.now(); }
  reach(percent: number) { this.depth = Math.max(this.depth, Math.min(100, Math.round(percent))); }
  /** Stops looking; whole seconds since the last report. */
  rest(): number {
    if (this.since) this.visibleMs += this.now() - this.since;
    this.since = 0;
    const seconds = Math.round(this.visibleMs / 1000) - this.reported;
    this.reported += seconds;
    return seconds;
  }
  restart() {
    this.since = this.visibleMs = this.reported = this.depth = 0;
  }
}
