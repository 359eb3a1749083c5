/*! Zhiyin for WeChat mini-programs. See sdk/README.md. */
import { Client, EventOptions, ItemLike, Platform, Reading, parseItem } from './client';

declare const wx: any;

export interface Settings {
  url: string;       // the server, https://zy.example.com
  key: string;       // of the role page
  account: string;   // the mini-program's account
  consent?: 'ask';   // nothing is stored or sent before consent(true)
  item?: (route: string, options: Record<string, string>) => ItemLike;  // what a page shows; absent: page:ROUTE
}
type Any = Record<string, any>;

let client: Client | null = null;
let settings: Settings | null = null;
let landed = '';

function platformOf(given: Settings): Platform {
  const url = given.url.replace(/\/$/, '') + '/v1/collect?key=' + encodeURIComponent(given.key);
  const word = () => Math.floor(Math.random() * 0x100000000).toString(16).padStart(8, '0');
  return {
    now: () => Date.now(),
    randomId: () => Date.now().toString(16).padStart(12, '0').slice(-12) + word() + word() + word(),
    load: (name) => {
      try { return wx.getStorageSync('zhiyin.' + name) || ''; } catch { return ''; }
    },
    save: (name, value) => {
      try { wx.setStorageSync('zhiyin.' + name, value); } catch { /* full, or not allowed */ }
    },
    post: (body) => new Promise((answered, failed) => wx.request({
      url, method: 'POST', data: body, header: { 'Content-Type': 'text/plain' },
      success: (answer: Any) => answered(answer.statusCode), fail: failed,
    })),
    beacon: () => false,  // a mini-program in the background still sends for some seconds
    later: (ms, work) => { setTimeout(work, ms); },
  };
}

/** Once, before App(). */
export function init(given: Settings) {
  settings = given;
  client = new Client(platformOf(given), given.account, given.consent === 'ask');
  if (wx.onNetworkStatusChange) wx.onNetworkStatusChange((state: Any) => { if (state.isConnected) client!.flush(); });
  if (wx.onAppHide) wx.onAppHide(() => client!.flush(true));
  client.flush();  // what the last visit could not send
}

export function track(kind: string, options?: EventOptions) { if (client) client.track(kind, options); }
export function share(options?: EventOptions) { track('share', options); }
export function consent(given: boolean) { if (client) client.consent(given); }
export function identify(who: { account?: string; openid?: string }) {
  if (!client) return;
  if (client.identify(who) && landed !== client.campaign) {
    landed = client.campaign;
    client.add('click', { properties: { name: 'landing' } });
  }
  client.flush();
}

/** Page(zhiyin.page({…})): views, reading time and depth, shares, taps on `bindtap="zyTap" data-zy-click="buy"`. */
export function page(definition: Any): Any {
  const out = Object.assign({}, definition);
  // Ours first; what the page's own function answers is the answer.
  const before = (name: string, work: (self: Any, argument: any) => void, needed = true) => {
    const own = definition[name];
    if (!own && !needed) return;
    out[name] = function (this: Any, argument: any) {
      if (client) work(this, argument);
      return own ? own.apply(this, arguments) : undefined;
    };
  };
  const itemOf = (self: Any): ItemLike => self.zyItem || null;
  before('onLoad', (self, options) => {
    const query = options || {};
    if (query.zy_c) {
      client!.campaign = query.zy_c;
      client!.touch = query.zy_t || '';
    }
    const route = self.route || self.is || '';
    const named = settings!.item && settings!.item(route, query);
    self.zyItem = parseItem(named) || (route ? { kind: 'page', id: route } : null);
    self.zyReading = new Reading(() => Date.now());
  });
  before('onShow', (self) => {
    if (!self.zyReading) return;
    self.zyReading.look();
    client!.track('view', { item: itemOf(self) });
  });
  const rest = (self: Any) => {
    const seconds = self.zyReading ? self.zyReading.rest() : 0;
    if (seconds > 0) client!.add('read', { item: itemOf(self), value: seconds, properties: { depth: self.zyReading.depth } });
    client!.flush();
  };
  before('onHide', rest);
  before('onUnload', rest);
  before('onPageScroll', (self) => {
    if (!self.zyReading || !wx.createSelectorQuery) return;
    wx.createSelectorQuery().selectViewport().scrollOffset((at: Any) => {
      if (at && at.scrollHeight) self.zyReading.reach(100 * (at.scrollTop + wx.getSystemInfoSync().windowHeight) / at.scrollHeight);
    }).exec();
  });
  // A page without this function cannot be shared; it stays so.
  before('onShareAppMessage', (self) => client!.track('share', { item: itemOf(self) }), false);
  before('onShareTimeline', (self) => client!.track('share', { item: itemOf(self), properties: { to: 'timeline' } }), false);
  before('zyTap', (self, event) => {
    const data = (event && event.currentTarget && event.currentTarget.dataset) || {};
    client!.track('click', { item: data.zyItem || itemOf(self), properties: { name: data.zyClick } });
  });
  return out;
}
