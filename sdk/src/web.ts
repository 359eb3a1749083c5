/*! Zhiyin for web pages. See sdk/README.md. */
import { Client, EventOptions, ItemLike, Platform, Reading, parseItem } from './client';

(function (window: any, document: Document) {
  if (window.zhiyin) return; // included twice
  const script = document.currentScript as HTMLScriptElement | null;
  const attribute = (name: string): string => (script && script.getAttribute('data-' + name)) || '';
  // Beside this file, unless told otherwise.
  const url = (attribute('endpoint') || new URL('/v1/collect', (script && script.src) || location.href).href) +
    '?key=' + encodeURIComponent(attribute('key'));

  /** Reads, or first writes, a value that may be blocked. */
  function stored(area: string, name: string, value?: string): string {
    try {
      if (value !== undefined) window[area].setItem('zhiyin.' + name, value);
      return window[area].getItem('zhiyin.' + name) || '';
    } catch { return ''; }
  }

  const platform: Platform = {
    now: () => Date.now(),
    randomId: () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => ('0' + b.toString(16)).slice(-2)).join(''),
    load: (name) => stored('localStorage', name),
    save: (name, value) => { stored('localStorage', name, value); },
    post: (body, leaving) => fetch(url, { method: 'POST', body, keepalive: leaving, credentials: 'omit' }).then((answer) => answer.status),
    // As text/plain it needs no preflight, which a page that is being left cannot wait for.
    beacon: (body) => navigator.onLine !== false && !!navigator.sendBeacon && navigator.sendBeacon(url, body),
    later: (ms, work) => { if (typeof setTimeout === 'function') setTimeout(work, ms); },
  };
  const client = new Client(platform, attribute('account'), attribute('consent') === 'ask');
  client.item = parseItem(attribute('item'));

  // The campaign that led here, kept for the visit.
  const query = new URLSearchParams(location.search);
  if (query.get('zy_c')) {
    stored('sessionStorage', 'c', query.get('zy_c')!);
    stored('sessionStorage', 't', query.get('zy_t') || '');
  }
  client.campaign = query.get('zy_c') || stored('sessionStorage', 'c');
  client.touch = (query.get('zy_c') ? query.get('zy_t') : stored('sessionStorage', 't')) || '';

  // Reading time counts while the page is visible.
  const reading = new Reading(platform.now);
  const visible = () => document.visibilityState === 'visible';
  if (visible()) reading.look();
  function measureDepth() {
    const height = document.documentElement.scrollHeight || 1;
    reading.reach(100 * (window.pageYOffset + window.innerHeight) / height);
  }
  /** What was read since the last report: a page may be left and looked at again. */
  function reportRead() {
    measureDepth();
    const seconds = reading.rest();
    if (seconds > 0) client.add('read', { value: seconds, properties: { depth: reading.depth } });
  }
  function leave() {
    reportRead();
    client.flush(true);
  }
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') leave();
    else reading.look();
  });
  window.addEventListener('pagehide', leave);
  window.addEventListener('scroll', measureDepth, { passive: true });
  window.addEventListener('online', () => client.flush());
  document.addEventListener('click', (e: any) => {
    const node = e.target && e.target.closest && e.target.closest('[data-zy-click]');
    if (node) client.track('click', { item: node.getAttribute('data-zy-item'), properties: { name: node.getAttribute('data-zy-click') } });
  }, true);

  window.zhiyin = {
    track: (kind: string, options?: EventOptions) => client.track(kind, options),
    share: (options?: EventOptions) => client.track('share', options),
    item: (item: ItemLike) => { client.item = parseItem(item); },
    /** Another page without a reload: what was read of the last one is reported, and this one is seen. */
    view: (item: ItemLike) => {
      reportRead();
      reading.restart();
      if (visible()) reading.look();
      client.item = parseItem(item) || client.item;
      client.track('view');
    },
    consent: (given: boolean) => client.consent(given),
    identify: (who: { account?: string; openid?: string }) => {
      if (client.identify(who) && stored('sessionStorage', 'landed') !== client.campaign) {
        stored('sessionStorage', 'landed', client.campaign);
        client.add('click', { properties: { name: 'landing' } });
      }
      client.flush();
    },
  };
  if (attribute('views') === 'on') client.track('view');
  else client.flush();  // what another visit could not send
})(window, document);
