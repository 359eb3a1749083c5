// Runs the web build in a made-up window: `node --test sdk`.
import { webcrypto } from 'node:crypto';  // Node 18 has no global one
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';

const source = readFileSync(new URL('../dist/zhiyin.js', import.meta.url), 'utf8');

function storage(blocked) {
  const values = new Map();
  const check = () => { if (blocked) throw new Error('blocked'); };
  return {
    getItem: (k) => { check(); return values.has(k) ? values.get(k) : null; },
    setItem: (k, v) => { check(); values.set(k, String(v)); },
  };
}

/** A page with the snippet on it. */
function page({ search = '', attributes = {}, blocked = false, beacon = true, kept = {} } = {}) {
  const listeners = {};
  const on = (type, f) => { (listeners[type] ||= []).push(f); };
  const world = {
    now: 1_700_000_000_000,
    sent: [],
    failing: false,
    fire: (type, event = {}) => (listeners[type] || []).forEach((f) => f(event)),
    localStorage: kept.localStorage || storage(blocked),
    sessionStorage: kept.sessionStorage || storage(blocked),
  };
  const all = { key: 'wk', account: 'shop', item: 'article:1001', ...attributes };
  const document = {
    currentScript: { src: 'https://zy.example/zhiyin.js', getAttribute: (n) => all[n.slice(5)] || null },
    visibilityState: 'visible',
    documentElement: { scrollHeight: 2000 },
    addEventListener: on,
  };
  const take = (how, url, body) => world.sent.push({ how, url, events: JSON.parse(body) });
  const window = {
    localStorage: world.localStorage, sessionStorage: world.sessionStorage,
    pageYOffset: 0, innerHeight: 500, addEventListener: on,
  };
  const context = {
    window, document, crypto: webcrypto, URL, URLSearchParams,
    location: { search, href: 'https://page.example/' + search },
    navigator: beacon ? { sendBeacon: (u, b) => { take('beacon', u, b); return true; } } : {},
    fetch: (u, o) => {
      if (world.failing) return Promise.reject(new Error('away'));
      take('fetch', u, o.body);
      return Promise.resolve({ status: 200 });
    },
    Date: { now: () => world.now },
  };
  vm.runInNewContext(source, context);
  return Object.assign(world, { window, document, zhiyin: window.zhiyin });
}
const events = (w) => w.sent.flatMap((s) => s.events);

test('is small and needs nothing', () => {
  assert.ok(gzipSync(source).length < 6 * 1024);
  assert.ok(!source.includes('require('));
});

test('a page that is left reports the visible seconds and the depth, by beacon', () => {
  const w = page();
  w.now += 30_000;
  w.document.visibilityState = 'hidden';
  w.fire('visibilitychange');
  w.now += 60_000; // nobody looks
  w.document.visibilityState = 'visible';
  w.fire('visibilitychange');
  w.window.pageYOffset = 1000;
  w.fire('scroll');
  w.now += 12_000;
  w.fire('pagehide');
  assert.deepEqual(w.sent.map((s) => s.how), ['beacon', 'beacon']);
  const [first, second] = events(w);
  assert.equal(first.kind, 'read');
  assert.equal(first.value, 30);
  assert.equal(first.properties.depth, 25);
  assert.deepEqual(first.item, { kind: 'article', id: '1001' });
  assert.equal(second.value, 12);
  assert.equal(second.properties.depth, 75);
  assert.equal(w.sent[0].url, 'https://zy.example/v1/collect?key=wk');
});

test('a glance is no read', () => {
  const w = page();
  w.now += 300;
  w.fire('pagehide');
  assert.equal(w.sent.length, 0);
});

test('before identify it is the anonymous id, afterwards the openid first', () => {
  const w = page();
  w.zhiyin.track('cart', { item: 'product:7', value: 3 });
  w.zhiyin.identify({ openid: 'o1' });
  w.zhiyin.track('purchase', { value: 9900.4 });
  const [before, after] = events(w);
  assert.deepEqual(before.identities.map((i) => i.kind), ['anonymous_id']);
  assert.deepEqual(after.identities.map((i) => i.kind), ['openid', 'anonymous_id']);
  assert.equal(after.identities[1].value, before.identities[0].value);
  assert.deepEqual(before.item, { kind: 'product', id: '7' });
  assert.equal(after.value, 9900);
  assert.notEqual(before.event_id, after.event_id);
});

test('the campaign of the address goes with every event of the visit', () => {
  const w = page({ search: '?zy_c=spring&zy_t=t_1' });
  w.zhiyin.track('purchase');
  const later = page({ kept: w });
  later.zhiyin.track('purchase');
  for (const event of [...events(w), ...events(later)]) {
    assert.equal(event.properties.campaign, 'spring');
    assert.equal(event.properties.touch, 't_1');
  }
});

test('who came by a link for everybody is reported once when the page knows them', () => {
  const w = page({ search: '?zy_c=spring' });
  w.zhiyin.identify({ openid: 'o1' });
  w.zhiyin.identify({ openid: 'o1' });
  assert.deepEqual(events(w).map((e) => e.kind), ['click']);
  assert.equal(events(w)[0].properties.campaign, 'spring');
  const personal = page({ search: '?zy_c=spring&zy_t=t_1' });
  personal.zhiyin.identify({ openid: 'o1' });
  assert.equal(personal.sent.length, 0, 'the link itself has reported it');
});

test('marked elements report clicks, others do not', () => {
  const w = page();
  const marked = { getAttribute: (n) => ({ 'data-zy-click': 'buy', 'data-zy-item': 'product:7' })[n] || null };
  w.fire('click', { target: { closest: () => marked } });
  w.fire('click', { target: { closest: () => null } });
  w.fire('click', { target: {} });
  assert.equal(events(w).length, 1);
  assert.equal(events(w)[0].properties.name, 'buy');
  assert.equal(events(w)[0].item.id, '7');
});

test('what did not get through is sent again under the same id', async () => {
  const w = page();
  w.failing = true;
  w.zhiyin.share();
  await new Promise((done) => setImmediate(done));
  w.failing = false;
  w.zhiyin.track('like');
  assert.deepEqual(events(w).map((e) => e.kind), ['share', 'like']);
});

test('blocked storage and a missing beacon are lived with', () => {
  const w = page({ blocked: true, beacon: false });
  w.now += 5000;
  w.fire('pagehide');
  assert.equal(w.sent[0].how, 'fetch');
  assert.equal(events(w)[0].value, 5);
});

test('what was not sent outlives the page', async () => {
  const w = page();
  w.failing = true;
  w.zhiyin.track('like');
  await new Promise((done) => setImmediate(done));
  const next = page({ kept: w });
  assert.deepEqual(events(next).map((e) => e.kind), ['like']);
  await new Promise((done) => setImmediate(done));
  assert.equal(page({ kept: w }).sent.length, 0, 'sent once');
});

test('another page of the same reader loses nothing of this one', async () => {
  const w = page();
  w.failing = true;
  w.zhiyin.track('like');
  await new Promise((done) => setImmediate(done));
  const other = page({ kept: w });
  other.failing = true;
  other.zhiyin.track('share');
  await new Promise((done) => setImmediate(done));
  w.zhiyin.track('cart');
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(events(page({ kept: w })).map((e) => e.kind).sort(), ['cart', 'like', 'share']);
});

test('views are reported where the page asks for it, and by pages that change without a reload', () => {
  const w = page({ attributes: { views: 'on' } });
  w.now += 10_000;
  w.zhiyin.view('article:2');
  assert.deepEqual(events(w).map((e) => [e.kind, e.item.id]), [['view', '1001'], ['read', '1001'], ['view', '2']]);
  assert.equal(events(w)[1].value, 10);
});

test('before consent nothing is stored or sent', () => {
  const w = page({ attributes: { consent: 'ask' } });
  w.zhiyin.track('like');
  w.now += 5000;
  w.fire('pagehide');
  assert.equal(w.sent.length, 0);
  assert.equal(w.localStorage.getItem('zhiyin.id'), null);
  w.zhiyin.consent(true);
  assert.deepEqual(events(w).map((e) => e.kind), ['like', 'read']);
  assert.equal(w.localStorage.getItem('zhiyin.id'), events(w)[0].identities[0].value);
});

test('events tell when they were sent, so that a wrong clock shows', () => {
  const w = page();
  w.zhiyin.track('like');
  assert.equal(events(w)[0].sent_at, w.now);
});
