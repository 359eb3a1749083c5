// Runs the mini-program build in an emulation of its runtime: wx storage and requests, App and Page life cycles.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';

const source = readFileSync(new URL('../dist/zhiyin-mini.js', import.meta.url), 'utf8');

/** A phone: storage that outlives the program, a network that may be away, a clock. */
function phone() {
  return { storage: new Map(), sent: [], online: true, status: 200, now: 1_700_000_000_000, timers: [] };
}

function start(device, settings = {}) {
  const handlers = {};
  const wx = {
    getStorageSync: (k) => device.storage.get(k) || '',
    setStorageSync: (k, v) => { device.storage.set(k, v); },
    request: ({ url, method, data, header, success, fail }) => {
      if (!device.online) return queueMicrotask(() => fail({ errMsg: 'request:fail' }));
      device.sent.push({ url, method, header, events: JSON.parse(data) });
      return queueMicrotask(() => success({ statusCode: device.status, data: {} }));
    },
    onNetworkStatusChange: (f) => { handlers.network = f; },
    onAppHide: (f) => { handlers.hide = f; },
    getSystemInfoSync: () => ({ windowHeight: 500 }),
    createSelectorQuery: () => {
      const query = { selectViewport: () => query, scrollOffset: (f) => { query.f = f; return query; },
        exec: () => query.f({ scrollTop: device.scrollTop || 0, scrollHeight: 2000 }) };
      return query;
    },
  };
  const module = { exports: {} };
  const setTimeout = (work, ms) => device.timers.push({ work, ms });
  vm.runInNewContext(source, { wx, module, exports: module.exports, setTimeout, Date: { now: () => device.now } });
  const zhiyin = module.exports;
  zhiyin.init({ url: 'https://zy.example', key: 'pk', account: 'mini', ...settings });
  return { zhiyin, handlers };
}

/** What the runtime does with Page({…}). */
function open(definition, route, options = {}) {
  const page = Object.assign({ route }, definition);
  page.onLoad?.(options);
  page.onShow?.();
  return page;
}
const settled = () => new Promise((done) => setImmediate(done));
const events = (device) => device.sent.flatMap((s) => s.events);

test('is under 6 KB gzip', () => assert.ok(gzipSync(source).length < 6 * 1024));

test('a page reports its view, what was read of it, and how far', async () => {
  const device = phone();
  const { zhiyin } = start(device, { item: (route, o) => (o.id ? `article:${o.id}` : null) });
  const seen = [];
  const page = open(zhiyin.page({ onLoad(o) { seen.push(o.id); }, onHide() { seen.push('hidden'); } }), 'pages/article', { id: '7', zy_c: 'spring' });
  device.now += 30_000;
  device.scrollTop = 1000;
  page.onPageScroll({ scrollTop: 1000 });
  page.onHide();
  device.now += 600_000; // in the background
  page.onShow();
  device.now += 5_000;
  page.onUnload();
  await settled();
  assert.deepEqual(seen, ['7', 'hidden'], 'the page keeps its own functions');
  assert.deepEqual(events(device).map((e) => [e.kind, e.value, e.properties.depth]),
    [['view', undefined, undefined], ['read', 30, 75], ['view', undefined, undefined], ['read', 5, 75]]);
  for (const e of events(device)) {
    assert.deepEqual({ ...e.item }, { kind: 'article', id: '7' });
    assert.equal(e.properties.campaign, 'spring');
    assert.equal(e.account, 'mini');
    assert.ok(e.sent_at >= e.occurred_at);
  }
  assert.equal(device.sent[0].url, 'https://zy.example/v1/collect?key=pk');
});

test('shares and taps are reported and answer as the page does', async () => {
  const device = phone();
  const { zhiyin } = start(device);
  const page = open(zhiyin.page({ onShareAppMessage: () => ({ title: 'look' }) }), 'pages/home');
  assert.equal(page.onShareAppMessage({}).title, 'look');
  assert.equal(page.onShareTimeline, undefined, 'what could not be shared still cannot');
  page.zyTap({ currentTarget: { dataset: { zyClick: 'buy', zyItem: 'product:1' } } });
  await settled();
  assert.deepEqual(events(device).map((e) => [e.kind, e.item.kind]), [['view', 'page'], ['share', 'page'], ['click', 'product']]);
});

test('what happens offline is sent later under the same ids, also by the next start', async () => {
  const device = phone();
  device.online = false;
  const first = start(device);
  first.zhiyin.identify({ openid: 'o1' });
  first.zhiyin.track('like', { item: 'article:1' });
  await settled();
  assert.equal(device.sent.length, 0);
  const ids = JSON.parse(device.storage.get('zhiyin.queue')).map((e) => e.event_id);
  assert.equal(ids.length, 1);
  assert.ok(device.timers.length > 0, 'it will be tried again');
  device.online = true;
  start(device);
  await settled();
  assert.deepEqual(events(device).map((e) => e.event_id), ids);
  assert.deepEqual(events(device)[0].identities.map((i) => i.kind), ['openid', 'anonymous_id']);
  assert.equal(device.storage.get('zhiyin.queue'), '', 'nothing is left');
  first.handlers.network({ isConnected: true });
  await settled();
  assert.ok(events(device).every((e) => ids.includes(e.event_id)), 'both starts had it: the server counts it once');
});

test('an error of the server is tried again, a refusal is not', async () => {
  const device = phone();
  device.status = 503;
  const { zhiyin } = start(device);
  zhiyin.track('like');
  await settled();
  device.status = 200;
  device.timers.shift().work();
  await settled();
  assert.equal(device.sent.length, 2);
  assert.equal(device.sent[0].events[0].event_id, device.sent[1].events[0].event_id);
  device.status = 403;
  zhiyin.track('like');
  await settled();
  assert.equal(device.timers.length, 0);
  assert.equal(device.storage.get('zhiyin.queue'), '');
});

test('before consent nothing is stored or sent', async () => {
  const device = phone();
  const { zhiyin } = start(device, { consent: 'ask' });
  zhiyin.track('like');
  await settled();
  assert.equal(device.sent.length, 0);
  assert.equal(device.storage.size, 0);
  zhiyin.consent(true);
  await settled();
  assert.deepEqual(events(device).map((e) => e.kind), ['like'], 'what waited is sent');
  assert.equal(device.storage.get('zhiyin.id'), events(device)[0].identities[0].value);
  zhiyin.consent(false);
  zhiyin.track('like');
  await settled();
  assert.equal(events(device).length, 1);
  assert.equal(device.storage.get('zhiyin.id'), '');
  const again = start(device);
  again.zhiyin.track('like');
  await settled();
  assert.equal(events(device).length, 1, 'a no stays a no');
});
