/*! Zhiyin page snippet: reads, reading time, clicks, shares, goals. See README.md. */
(function (window, document) {
  'use strict';
  if (window.zhiyin) return; // included twice
  var script = document.currentScript;
  function attribute(name) { return (script && script.getAttribute('data-' + name)) || ''; }

  var QUEUE_MAX = 50;      // events kept while the network is away
  var BATCH_BYTES = 60000; // sendBeacon refuses more than 64 KiB
  var account = attribute('account'), pageItem = parseItem(attribute('item')), openid = '', queue = [];
  // Beside this file, unless told otherwise.
  var url = (attribute('endpoint') || new URL('/v1/collect', (script && script.src) || location.href).href) +
    '?key=' + encodeURIComponent(attribute('key'));

  /** `article:1001` or {kind, id}. */
  function parseItem(item) {
    if (!item || typeof item === 'object') return item || null;
    var colon = item.indexOf(':');
    return colon < 1 ? { kind: 'page', id: item } : { kind: item.slice(0, colon), id: item.slice(colon + 1) };
  }

  /** Reads, or first writes, a value that may be blocked. */
  function stored(area, name, value) {
    try {
      if (value !== undefined) window[area].setItem('zhiyin.' + name, value);
      return window[area].getItem('zhiyin.' + name) || '';
    } catch (e) { return ''; }
  }
  function randomId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), function (b) {
      return ('0' + b.toString(16)).slice(-2);
    }).join('');
  }

  var anonymousId = stored('localStorage', 'id') || randomId();
  stored('localStorage', 'id', anonymousId);

  // The campaign that led here, kept for the visit.
  var query = new URLSearchParams(location.search);
  if (query.get('zy_c')) {
    stored('sessionStorage', 'c', query.get('zy_c'));
    stored('sessionStorage', 't', query.get('zy_t') || '');
  }
  var campaign = query.get('zy_c') || stored('sessionStorage', 'c');
  var touch = query.get('zy_c') ? query.get('zy_t') : stored('sessionStorage', 't');

  function add(kind, options) {
    options = options || {};
    var properties = Object.assign({}, options.properties);
    if (campaign) properties.campaign = campaign;
    if (touch) properties.touch = touch;
    var who = [{ account: account, kind: 'anonymous_id', value: anonymousId }];
    if (openid) who.unshift({ account: account, kind: 'openid', value: openid });
    var event = { event_id: randomId(), account: account, identities: who, kind: kind,
      properties: properties, occurred_at: Date.now() };
    var item = parseItem(options.item) || pageItem;
    if (item) event.item = item;
    if (isFinite(parseFloat(options.value))) event.value = Math.round(options.value);
    queue.push(event);
    queue = queue.slice(-QUEUE_MAX);
  }
  function track(kind, options) {
    add(kind, options);
    flush();
  }

  /** Whatever does not get through is sent again with the next event; the server knows it by its id. */
  function flush(leaving) {
    if (!queue.length || !account) return;
    var batch = [], bytes = 0;
    while (queue.length) {
      bytes += JSON.stringify(queue[0]).length * 3; // at worst three bytes a character
      if (batch.length && bytes > BATCH_BYTES) break;
      batch.push(queue.shift());
    }
    var body = JSON.stringify(batch);
    // As text/plain it needs no preflight, which a page that is being left cannot wait for.
    if (!(leaving && navigator.sendBeacon && navigator.sendBeacon(url, body))) {
      var keep = function () { queue = batch.concat(queue).slice(-QUEUE_MAX); };
      fetch(url, { method: 'POST', body: body, keepalive: !!leaving, credentials: 'omit' })
        .then(function (answer) { if (answer.status >= 500) keep(); }, keep);
    }
    if (queue.length) flush(leaving);
  }

  // Reading time counts while the page is visible.
  var visibleSince = document.visibilityState === 'visible' ? Date.now() : 0;
  var visibleMs = 0, reported = 0, depth = 0;
  function measureDepth() {
    var height = document.documentElement.scrollHeight || 1;
    depth = Math.max(depth, Math.min(100, Math.round(100 * (window.pageYOffset + window.innerHeight) / height)));
  }
  /** What was read since the last report: a page may be left and looked at again. */
  function reportRead() {
    if (visibleSince) visibleMs += Date.now() - visibleSince;
    visibleSince = 0;
    measureDepth();
    var seconds = Math.round(visibleMs / 1000) - reported;
    reported += seconds;
    if (seconds > 0) add('read', { value: seconds, properties: { depth: depth } });
    flush(true);
  }
  document.addEventListener('visibilitychange', function () {
    if (document.visibilityState === 'hidden') reportRead();
    else visibleSince = visibleSince || Date.now();
  });
  window.addEventListener('pagehide', reportRead);
  window.addEventListener('scroll', measureDepth, { passive: true });
  document.addEventListener('click', function (e) {
    var node = e.target && e.target.closest && e.target.closest('[data-zy-click]');
    if (node) {
      track('click', { item: node.getAttribute('data-zy-item'),
        properties: { name: node.getAttribute('data-zy-click') } });
    }
  }, true);

  window.zhiyin = {
    track: track,
    share: function (options) { track('share', options); },
    item: function (item) { pageItem = parseItem(item); },
    identify: function (who) {
      account = who.account || account;
      openid = who.openid || openid;
      // A link for everybody does not say who followed it; now the page does, once a visit.
      if (openid && campaign && !touch && stored('sessionStorage', 'landed') !== campaign) {
        stored('sessionStorage', 'landed', campaign);
        track('click', { properties: { name: 'landing' } });
      }
      flush();
    }
  };
})(window, document);
