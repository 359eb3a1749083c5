// A small server with the interface of docs/api.md over the data of data.mjs, for work on the console and its tests.
// It keeps what is changed in memory. Never shipped.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { generator, kRuleWords, makeData } from "./data.mjs";
import { recommendRoutes } from "./recommend.mjs";

const kDist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
export const kKey = "zk_mock_admin_key_0000000000000000";
const kTypes = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
/** Stricter than the real server's: whatever works here works there. */
const kPolicy = "default-src 'self'; frame-ancestors 'none'";

class Problem extends Error {
  constructor(status, title, detail, field, more = {}) {
    super(detail);
    Object.assign(this, { status, title, field, more });
  }
}
const notFound = (what) => new Problem(404, "not_found", `${what}: there is no such thing`);

function page(items, query, key = (one) => String(one.id)) {
  const limit = Number(query.get("limit") ?? 50);
  if (!(limit >= 1 && limit <= 1000)) throw new Problem(400, "invalid_argument", "limit: must be 1 to 1000", "limit");
  const after = query.get("after");
  const from = after ? items.findIndex((one) => key(one) === after) + 1 : 0;
  const shown = items.slice(from, from + limit);
  return { items: shown, next: from + limit < items.length ? key(shown.at(-1)) : null };
}

function portrait(data, person) {
  const random = generator(person.events + 17);
  const hours = Array.from({ length: 24 }, (_, hour) => Math.exp(-((hour - 21) ** 2) / 18) + 0.5 * Math.exp(-((hour - 12) ** 2) / 6) + random() * 0.1);
  const sum = hours.reduce((a, b) => a + b, 0);
  const busy = person.events > 5;
  return {
    id: person.id, first_seen: person.first_seen, last_seen: person.last_seen, following: person.following, events: person.events,
    identities: [{ account: "shop", kind: "openid", value_short: "o9Xk…28", first_seen: person.first_seen }, ...(busy ? [{ account: "shop", kind: "unionid", value_short: "u7Qa…28", first_seen: person.last_seen }] : [])],
    features: Object.fromEntries(data.features.map((one) => [one.name, one.name === "night_share" ? 0.31 : busy || one.name === "reads_30d" ? Math.floor(random() * (one.unit === "fen" ? 40000 : one.unit === "s" ? 9000 : 30)) : null])),
    interests: busy ? [...new Set([...person.interests, ...data.tags.slice(0, 4)])].map((tag, at) => ({ tag, weight: 0.92 / (at + 1) })) : [],
    traits: { city: person.city, level: 2, vip: person.events > 100 }, active_hours: busy ? hours.map((one) => one / sum) : Array(24).fill(0),
    response: busy ? { probability: 0.05 + random() * 0.5, model: "response-3", because: [{ feature: "reads_30d", value: 20, log_odds: 0.8, zh: "近 30 天阅读次数高于平均", en: "reads in 30 days above average" }, { feature: "days_since_last", value: 9, log_odds: -0.3, zh: "距上次活动天数高于平均", en: "days since the last activity above average" }] } : null, segments: busy ? ["readers", "everyone"] : [],
  };
}

function explained(node, random) {
  for (const op of ["and", "or"]) {
    if (!node[op]) continue;
    const below = node[op].map((one) => explained(one, random));
    return { [op]: below, result: op === "and" ? below.every((one) => one.result) : below.some((one) => one.result) };
  }
  if (node.not) {
    const below = explained(node.not, random);
    return { not: below, result: !below.result };
  }
  const result = random() < 0.7;
  if (node.event) return { ...node, result, evidence: { count: result ? 5 : 0, ...("sum" in node ? { sum: result ? 12800 : 0 } : {}), first: result ? "2026-02-03T10:00:00Z" : null, last: result ? "2026-02-27T12:31:00Z" : null } };
  if (node.following) return { ...node, result, evidence: { value: result } };
  return { ...node, result, evidence: { value: node.trait ? (result ? "上海" : "北京") : node.interest ? (result ? 0.61 : 0.12) : result ? 712 : 85 } };
}

const kKindName = /^[a-z][a-z0-9_.]{0,63}$/;

function checkTree(node, path = "tree") {
  const [first] = Object.keys(node ?? {});
  if (!first) throw new Problem(400, "invalid_argument", `${path}: is no condition`, path);
  for (const op of ["and", "or"]) node[op]?.forEach((one, at) => checkTree(one, `${path}.${op}[${at}]`));
  if (node.not) checkTree(node.not, `${path}.not`);
  if (node.event !== undefined && !kKindName.test(node.event)) throw new Problem(400, "invalid_argument", `${path}.event: '${node.event}' does not match [a-z][a-z0-9_.]{0,63}`, `${path}.event`);
  if (node.feature === "none_such") throw new Problem(400, "invalid_argument", `${path}.feature: there is no 'none_such'`, `${path}.feature`);
}

/** An answer with status 201. */
class Created {
  constructor(value) { this.value = value; }
}

function versioned(list, id, body, ifMatch, defaults = {}) {
  const at = list.findIndex((one) => one.id === id);
  if (at < 0) {
    const made = { ...defaults, ...body, id, version: 1 };
    list.push(made);
    return new Created(made);
  }
  if (ifMatch === undefined || Number(String(ifMatch).replace(/"/g, "")) !== list[at].version) {
    throw new Problem(409, "conflict", `${id}: version is ${list[at].version}, not ${ifMatch ?? "given"}`, "If-Match");
  }
  list[at] = { ...list[at], ...body, id, version: list[at].version + 1 };
  return list[at];
}

function dryRun(data, campaign) {
  const people = data.people.slice(0, 60).map((person, at) => {
    const rule = at % 9 === 4 ? data.rules[at % 4] : at % 10 === 3 ? "held_out" : "";
    return { person: person.id, decision: rule === "held_out" ? "held_out" : rule ? "refused" : "send", rule };
  });
  const text = (person) => (campaign.message.text ?? Object.values(campaign.message.data ?? {}).join("\n")).replace(/\{\{link\}\}/g, "https://zy.example.com/l/a1B2c3").replace(/\{\{name\|[^}]*\}\}/g, "小王").replace(/\{\{city\|[^}]*\}\}/g, person.city);
  return {
    as_of: data.ago(0), send_at: campaign.at ?? data.ago(0), audience: 1284, holdout: 128, would_send: 1095,
    refused: [{ rule: "frequency_cap", count: 41, ...kRuleWords.frequency_cap }, { rule: "no_consent", count: 20, ...kRuleWords.no_consent }],
    quota: { needed: campaign.channel === "template" ? 120_000 : 1, left: 100 },
    previews: data.people.slice(0, 3).map((person) => ({ person: person.id, text: text(person) })), people,
  };
}

function overview(data) {
  if (data.people.length === 0) return { people: 0, followers: 0, events_total: 0, events_per_minute: [], events_per_day: [], kinds: [], runs: [], campaigns: [], lag: 0, as_of: data.ago(0) };
  const random = generator(3);
  const perMinute = Array.from({ length: 60 }, (_, at) => ({ at: new Date(Math.floor(data.now / 60_000 - 59 + at) * 60_000).toISOString(), count: Math.round(60 + 30 * Math.sin(at / 9) + random() * 25) }));
  const perDay = Array.from({ length: 56 }, (_, at) => ({ at: data.ago((55 - at) * 86_400_000), count: Math.round(3000 + 900 * Math.sin(at / 3) + random() * 500) }));
  const kinds = { read: 121_004, view: 31_022, like: 18_411, click: 9120, share: 6032, comment: 4011, message: 2105, purchase: 1290, follow: 3000, "touch.sent": 2955 };
  return {
    people: 3182, followers: 2604, events_total: 201_338, events_per_minute: perMinute, events_per_day: perDay,
    kinds: Object.entries(kinds).map(([kind, count]) => ({ kind, count })), runs: data.runs.slice(0, 5).map((one) => ({ ...one, result: null })),
    campaigns: data.campaigns.filter((one) => one.state !== "draft"), lag: 0, as_of: data.ago(0),
  };
}

function dataHealth(data) {
  const waits = data.quarantine.length;
  const day = 86_400_000;
  return {
    as_of: data.ago(0),
    rate: overview(data).events_per_minute.flatMap(({ at, count }) => [{ at, way: "tracking", count: Math.round(count * 0.8) }, { at, way: "wechat", count: Math.round(count * 0.2) }]),
    lag: [{ projection: "state", records: 0 }, { projection: "warehouse", records: 1204 }],
    since_start: { accepted: 201_338, duplicate: 2011, quarantined: waits },
    ways: data.people.length === 0 ? [] : [
      { way: "tracking", events: 160_030, bots: 4200, late: 320, quarantined: waits, last_received_at: data.ago(2000) },
      { way: "import", events: 31_200, bots: 0, late: 31_200, quarantined: 0, last_received_at: data.ago(day) }],
    reasons: waits === 0 ? [] : [{ way: "tracking", field: "occurred_at", reason: "occurred_at: lies in the future", count: waits, newest_at: data.ago(day) }],
    quarantined: waits,
    stores: [{ store: "log", bytes: null, growth_per_day: null }, { store: "state", bytes: 88_000_000, growth_per_day: 1_500_000 }, { store: "warehouse", bytes: 21_000_000, growth_per_day: -20_000 }],
    sizes: Array.from({ length: 40 }, (_, at) => ({ at: data.ago((39 - at) * day), log: null, state: 40_000_000 + at * 1_200_000, warehouse: 20_000_000 + at * 25_000 })),
  };
}

/** `[method, pattern, handler]`; a handler gets `{data, path, query, body, raw, headers}` and answers a value. */
function routes(data, state) {
  const person = (id) => data.people.find((one) => one.id === id) ?? (() => { throw notFound("person"); })();
  const find = (list, id, what) => list.find((one) => String(one.id) === id) ?? (() => { throw notFound(what); })();
  const drop = (list, test) => { const at = list.findIndex(test); if (at < 0) throw notFound("entry"); list.splice(at, 1); return {}; };
  const run = (kind, title) => { const made = { id: `r_0199ab${String(++state.runs).padStart(2, "0")}`, kind, title, state: "running", progress: 0.1, detail: "", started_at: new Date().toISOString(), ended_at: null, error: null, result: null }; data.runs.unshift(made); return { run: made.id }; };
  const move = (from, to) => ({ path }) => {
    const campaign = find(data.campaigns, path.id, "campaign");
    if (!from.includes(campaign.state)) throw new Problem(409, "conflict", `campaign: it is ${campaign.state}`);
    campaign.state = to;
    return campaign;
  };
  return [
    ["GET", "/v1/overview", () => overview(data)],
    ["GET", "/v1/people", ({ query }) => {
      const q = query.get("q");
      if (q && !/^(p_|\w+:)/.test(q)) throw new Problem(400, "invalid_argument", `q: '${q}' is neither a person id nor KIND:ACCOUNT:VALUE`, "q");
      const people = data.people.filter((one) => !q || one.id.startsWith(q));
      return page(query.get("segment") ? people.filter((_, at) => at % 3 === 0) : people, query);
    }],
    ["GET", "/v1/people/:id", ({ path }) => portrait(data, person(path.id))],
    ["GET", "/v1/people/:id/events", ({ path, query }) => {
      const one = person(path.id);
      const random = generator(one.events);
      const pick = (list) => list[Math.floor(random() * list.length)];
      const events = Array.from({ length: Math.min(one.events, 120) }, (_, at) => {
        const kind = pick(data.kinds);
        return { id: at, at: data.ago(at * 9_000_000 + random() * 5_000_000), kind, item: kind === "message" ? null : pick(data.items), value: kind === "purchase" ? 1990 + Math.floor(random() * 20_000) : kind === "read" ? Math.floor(random() * 300) : 1, account: "shop" };
      });
      return page(events, query);
    }],
    ["GET", "/v1/people/:id/touches", ({ path }) => {
      if (person(path.id).events < 20) return { items: [], next: null };
      const touch = (campaign, state, rule, days, channel = "mass", more = {}) => ({ touch: `t_${campaign}_${state}`, campaign, channel, state, rule, explanation: kRuleWords[rule]?.zh ?? "", explanation_en: kRuleWords[rule]?.en ?? "", error: "", at: data.ago(days * 86_400_000), clicked_at: null, ...more });
      return { items: [touch("tea-festival", "refused", "frequency_cap", 1), touch("care-reply", "held_out", "held_out", 2, "customer_service"), touch("spring", "sent", "none", 9, "mass", { clicked_at: data.ago(8.9 * 86_400_000) })], next: null };
    }],
    ["GET", "/v1/people/:id/segments/:segment", ({ path }) => { person(path.id); const explanation = explained(find(data.segments, path.segment, "segment").tree, generator(path.id.charCodeAt(5) * 7 + 1)); return { member: explanation.result, as_of: data.ago(0), explanation }; }],
    ...recommendRoutes(data, { page, notFound, Problem, versioned }),
    ["GET", "/v1/segments", () => ({ items: data.segments, next: null })],
    ["POST", "/v1/segments/preview", ({ body }) => { checkTree(body.tree); const sample = data.people.filter((_, at) => at % 13 === 0).map(({ id, events, last_seen }) => ({ id, events, last_seen })); return { count: 40 + (JSON.stringify(body.tree).length * 37) % 2000, as_of: data.ago(0), sample }; }],
    ["GET", "/v1/segments/:id", ({ path }) => find(data.segments, path.id, "segment")],
    ["PUT", "/v1/segments/:id", ({ path, body, headers }) => { checkTree(body.tree); return versioned(data.segments, path.id, body, headers["if-match"], { count: 0, as_of: data.ago(0) }); }],
    ["DELETE", "/v1/segments/:id", ({ path }) => drop(data.segments, (one) => one.id === path.id)],
    ["GET", "/v1/segments/:id/members", ({ query }) => (query.get("format") === "csv" ? { csv: "person\n" + data.people.map((one) => one.id).join("\n") } : page(data.people.map((one) => one.id), query, (one) => one))],
    ["GET", "/v1/features", () => ({ features: data.features, kinds: ["read", "like", "share", "comment", "favorite", "click", "view", "purchase", "refund", "cart", "message", "follow", "unfollow", "scan"].map((name) => ({ name, unit: name === "purchase" ? "fen" : "" })), traits: ["city", "level", "vip"], tags: data.tags })],
    ["GET", "/v1/campaigns", ({ query }) => page(data.campaigns, query)],
    ["GET", "/v1/campaigns/:id", ({ path }) => find(data.campaigns, path.id, "campaign")],
    ["PUT", "/v1/campaigns/:id", ({ path, body, headers }) => {
      for (const [field, list] of [["account", data.accounts], ["segment", data.segments]]) {
        if (!list.some((one) => one.id === body[field])) throw new Problem(400, "invalid_argument", `${field}: there is no '${body[field]}'`, field);
      }
      return versioned(data.campaigns, path.id, body, headers["if-match"], { state: "draft", note: "" });
    }],
    ["DELETE", "/v1/campaigns/:id", ({ path }) => drop(data.campaigns, (one) => one.id === path.id && one.state === "draft")],
    ["POST", "/v1/campaigns/:id/dry-run", ({ path }) => dryRun(data, find(data.campaigns, path.id, "campaign"))],
    ["POST", "/v1/campaigns/:id/test-send", ({ body }) => ({ items: body.openids.map((openid) => ({ openid_short: `${openid.slice(0, 4)}…`, outcome: openid.startsWith("o") ? "sent" : "failed", detail: openid.startsWith("o") ? "" : "not a follower" })) })],
    ["POST", "/v1/campaigns/:id/start", move(["draft"], "running")],
    ["POST", "/v1/campaigns/:id/pause", move(["running"], "paused")],
    ["POST", "/v1/campaigns/:id/stop", move(["running", "paused"], "stopped")],
    ["POST", "/v1/campaigns/:id/resume", ({ path, body }) => {
      if (!body?.overdue) throw new Problem(409, "conflict", "campaign: weekend2 has 31 overdue touches: say overdue = send or skip");
      return move(["paused"], "running")({ path });
    }],
    ["GET", "/v1/campaigns/:id/report", ({ path, query }) => {
      const report = data.reports[path.id];
      if (!report) throw notFound("report");
      return query.get("format") === "csv" ? { csv: `section,name,value\nfunnel,audience,${report.funnel.audience}\n` } : report;
    }],
    ["GET", "/v1/campaigns/:id/touches.csv", () => ({ csv: "person,state,rule\n" })],
    ["POST", "/v1/emergency-stop", () => ({ stopped: data.campaigns.filter((one) => ["running", "paused"].includes(one.state)).map((one) => ((one.state = "stopped"), one.id)) })],
    ["GET", "/v1/runs", ({ query }) => { const found = page(data.runs, query); return { ...found, items: found.items.map((one) => ({ ...one, result: null })) }; }],
    ["GET", "/v1/runs/:id", ({ path }) => find(data.runs, path.id, "run")],
    ["POST", "/v1/runs/:id/cancel", ({ path }) => { const found = find(data.runs, path.id, "run"); if (found.state !== "running") throw new Problem(409, "conflict", `run: it has ended already (${found.state})`); Object.assign(found, { state: "cancelled", ended_at: new Date().toISOString(), error: "run: cancelled" }); return {}; }],
    ["POST", "/v1/imports", ({ query }) => run("import", query.get("name") ?? "upload.csv")],
    ["GET", "/v1/imports/mappings", () => ({ items: data.mappings, next: null })],
    ["POST", "/v1/imports/mappings", ({ query, raw }) => { if (!raw.includes("=")) throw new Problem(400, "invalid_argument", "mapping: line 1: expected `key = value`", "identity"); data.mappings.unshift({ name: query.get("name"), shipped: false }); return { name: query.get("name") }; }],
    ["GET", "/v1/imports/:run/report.html", () => ({ html: "<!doctype html><title>report</title><p>report</p>" })],
    ["POST", "/v1/train/response", () => run("train response", "")],
    ["POST", "/v1/train/recommend", () => run("train recommend", "")],
    ["GET", "/v1/models", ({ query }) => ({ items: data.models.filter((one) => !query.get("kind") || one.kind === query.get("kind")), next: null, ...(query.get("with") === "all" ? { shipped: data.shipped, encoder: data.encoder, shadows: data.shadows } : {}) })],
    ["POST", "/v1/models/:id/shadow", ({ path }) => { const one = find(data.models, path.id, "model"); const pairs = one.settings?.task === "pair"; data.shadows.push({ name: one.kind, version: `${one.kind}-1`, shadow: one.id, of: pairs ? "pairs" : "texts", agreement: { ...(pairs ? { score_difference: 0.043 } : {}), texts: 240, same: 221, share: 0.921, interval: [0.88, 0.949], kappa: 0.861, confidence: { old: 0.82, new: 0.87 }, changes: [{ old: "中评", new: "好评", texts: 12 }, { old: "差评", new: "中评", texts: 7 }] } }); return { shadow: one.id }; }],
    ["GET", "/v1/models/:id/drift", ({ path, query }) => drift(data, path.id, query.get("window") ?? "7d")],
    ["POST", "/v1/duplicates", ({ body }) => duplicates(body.texts)],
    ["GET", "/v1/duplicates/indexes", () => ({ items: data.indexes, next: null })],
    ["POST", "/v1/duplicates/indexes", ({ body }) => { if (data.indexes.some((one) => one.name === body.name)) throw new Problem(409, "conflict", `index of near-duplicates '${body.name}': is there already`); const made = { name: body.name, texts: 0, created_at: data.ago(0), changed_at: data.ago(0) }; data.indexes.push(made); return made; }],
    ["POST", "/v1/duplicates/indexes/:name/search", ({ path, body }) => { find(data.indexes.map((one) => ({ ...one, id: one.name })), path.name, "index"); return { items: body.texts.map(() => ({ near: [{ id: "review-20193", similarity: 1 }, { id: "review-18827", similarity: 0.79 }] })) }; }],
    ["DELETE", "/v1/duplicates/indexes/:name", ({ path }) => drop(data.indexes, (one) => one.name === path.name)],
    ["POST", "/v1/analyze/files", ({ query }) => { const made = run("analyze file", query.get("name")); data.files.unshift({ run: made.run, name: query.get("name"), rows: 0, faulty: 0, failed: 0, done: false, running: true, bytes: 0, tasks: query.get("tasks") }); return made; }],
    ["GET", "/v1/analyze/files", () => ({ items: data.files.map((one) => ({ ...one, running: one.running && find(data.runs, one.run, "run").state === "running" })), next: null })],
    ["DELETE", "/v1/analyze/files/:run", ({ path }) => drop(data.files, (one) => one.run === path.run)],
    ["DELETE", "/v1/models/:id/shadow", ({ path }) => { data.shadows = data.shadows.filter((one) => one.name !== path.id); return { name: path.id }; }],
    ["POST", "/v1/analyze", ({ body }) => ({ items: body.texts.map((text) => analysed(text, body.tasks)), versions: {}, missing: [] })],
    ["POST", "/v1/embeddings", ({ body }) => { if (!data.encoder.id) throw new Problem(503, "unavailable", "encoder: none is installed"); return { data: body.input.map((text, index) => ({ index, embedding: vectorOf(text) })), usage: { prompt_tokens: 40, total_tokens: 40 } }; }],
    ["GET", "/v1/generators", () => ({ items: [data.writer] })],
    ["POST", "/v1/generators/check", ({ body }) => ({ text: body.text, removed: [...body.text.matchAll(/[^。！]*?(\d+)元[^。！]*[。！]/g)].filter((one) => !body.evidence.some((line) => line.includes(one[1]))).map((one) => ({ text: one[0], reason: `${one[1]}元: not in the evidence` })), supported: [], personal: [...body.text.matchAll(/1\d{10}/g)].map((one) => ({ kind: "phone", text: one[0], span: [0, 11] })), leak: null })],
    ["POST", "/v1/chat/completions", ({ body }) => { const said = body.messages.at(-1).content; if (said.includes("503")) throw new Problem(503, "unavailable", "api.example.com: answered 503"); data.writer.since_start.texts++; if (said.includes("拒绝")) return { model: "qwen-plus", choices: [{ index: 0, message: { role: "assistant", content: null, refusal: "抱歉，这个不能写。" }, finish_reason: "stop" }], usage: { prompt_tokens: 41, completion_tokens: 9 } }; return { model: "qwen-plus", choices: [{ index: 0, message: { role: "assistant", content: `${said.split("\n")[0].split("：").at(-1)}来了，每天陪着你。现在只要99元。咨询请打13800138000。` }, finish_reason: "stop" }], usage: { prompt_tokens: 41, completion_tokens: 33 } }; }],
    ["POST", "/v1/models/:id/activate", ({ path }) => { const chosen = find(data.models, path.id, "model"); for (const one of data.models) if (one.kind === chosen.kind) one.active = one === chosen; return chosen; }],
    ["GET", "/v1/data", () => dataHealth(data)],
    ["GET", "/v1/quarantine", ({ query }) => page(data.quarantine.filter((one) => !query.get("source") || one.source === query.get("source")), query)],
    ["POST", "/v1/quarantine/:id/resubmit", ({ path, body }) => { find(data.quarantine, path.id, "entry"); if (!body) return { event_id: "e1", verdict: "quarantined", reason: "occurred_at: lies in the future" }; drop(data.quarantine, (one) => String(one.id) === path.id); return { event_id: "e1", verdict: "accepted", reason: "" }; }],
    ["DELETE", "/v1/quarantine/:id", ({ path }) => drop(data.quarantine, (one) => String(one.id) === path.id)],
    ["GET", "/v1/accounts", () => ({ items: data.accounts, next: null })],
    ["POST", "/v1/accounts", ({ body }) => {
      if (data.accounts.some((one) => one.id === body.id)) throw new Problem(409, "conflict", `account: '${body.id}' exists`, "id");
      const twin = data.accounts.find((one) => one.app_id === body.app_id);
      if (twin) throw new Problem(409, "conflict", `app_id: '${body.app_id}' is the one of account '${twin.id}' already`, "app_id");
      const { app_secret, token, encoding_aes_key, ...plain } = body;
      return versioned(data.accounts, body.id, { ...plain, has_secret: !!app_secret, has_token: !!token, has_encoding_aes_key: !!encoding_aes_key });
    }],
    ["GET", "/v1/accounts/:id", ({ path }) => find(data.accounts, path.id, "account")],
    ["PUT", "/v1/accounts/:id", ({ path, body, headers }) => { const { app_secret, token, encoding_aes_key, ...plain } = body; return versioned(data.accounts, path.id, { ...plain, ...(app_secret ? { has_secret: true } : {}), ...(token ? { has_token: true } : {}), ...(encoding_aes_key ? { has_encoding_aes_key: true } : {}) }, headers["if-match"]); }],
    ["DELETE", "/v1/accounts/:id", ({ path }) => drop(data.accounts, (one) => one.id === path.id)],
    ["POST", "/v1/accounts/:id/check", ({ path }) => {
      const seen = (state.checks[path.id] = (state.checks[path.id] ?? 0) + 1) > 1 || path.id === "shop";
      return { callback_url: `https://zy.example.com/wechat/${path.id}`, callback_seen_at: seen ? data.ago(5000) : null, token_ok: path.id === "shop", checks: [{ name: "callback_settings", ok: true, detail: "Token 与密钥已保存 / token and key are stored" }, { name: "callback_seen", ok: seen, detail: seen ? "已收到微信的请求 / a request from WeChat arrived" : "还没有收到微信的请求 / nothing arrived yet" }, { name: "access_token", ok: path.id === "shop", detail: path.id === "shop" ? "已取得 / obtained" : "没有 AppSecret / the AppSecret is missing" }] };
    }],
    ["POST", "/v1/accounts/:id/sync", ({ path }) => run("sync", path.id)],
    ["GET", "/v1/users", () => ({ items: data.users, next: null })],
    ["POST", "/v1/users", ({ body }) => { if (body.password.length < 10) throw new Problem(400, "invalid_argument", "password: at least 10 characters", "password"); if (["page", "ingest"].includes(body.role)) throw new Problem(400, "invalid_argument", `role: '${body.role}' is for keys`, "role"); data.users.push({ name: body.name, role: body.role, created_at: new Date().toISOString() }); return { name: body.name }; }],
    ["DELETE", "/v1/users/:name", ({ path }) => drop(data.users, (one) => one.name === path.name)],
    ["GET", "/v1/keys", () => ({ items: data.keys, next: null })],
    ["POST", "/v1/keys", ({ body }) => { (body.accounts ?? []).forEach((one, at) => { if (!/^[\w.-]{1,64}$/.test(one)) throw new Problem(400, "invalid_argument", `accounts[${at}]: '${one}' is not 1 to 64 letters, digits, '_', '-' or '.'`, `accounts[${at}]`); }); const made = { id: `ff${state.runs++}00112233`, ...body, created_at: new Date().toISOString() }; data.keys.push(made); return { id: made.id, key: "zk_0f1e2d3c4b5a69788796a5b4c3d2e1f0" }; }],
    ["DELETE", "/v1/keys/:id", ({ path }) => drop(data.keys, (one) => one.id === path.id)],
    ["GET", "/v1/audit", ({ query }) => page(data.audit, query)],
    ["GET", "/v1/quota", () => ({ items: data.accounts.map((one) => ({ account: one.id, channels: [["mass", 100, 7, 1, 5, 1, 1], ["customer_service", 500000, 1204, 0, 1198, 4, 2], ["template", 100000, 96310, 0, 96304, 6, 0], ["subscribe", 100000, 0, 0, 0, 0, 0]].map(([channel, limit, used, reserved, sent, failed, unknown]) => ({ channel, limit, used, reserved, leased: 0, left: limit - used - reserved, sent, failed, unknown, resets_at: "2026-03-01T16:00:00Z" })), windows_open: 37, windows_unused: 112, grants: 845 })) })],
    ["GET", "/v1/wechat/jobs", () => ({ items: data.accounts.length === 0 ? [] : [["zyaaaa2", "tea-festival", 10000, "sending", 2, "", "", 0], ["zyaaaa1", "tea-festival", 10000, "sent", 1, "3147483690", "send success", 9871], ["zyaaaa0", "order-notice", 412, "failed", 1, "3147483688", "err(10001)", 0], ["zyaaa9z", "order-notice", 412, "unknown", 3, "", "", 0]].map(([id, campaign, size, state, attempt, provider_id, status, delivered], at) => ({ id, campaign, account: "shop", size, state, attempt, is_uncertain: state === "sending", provider_id, error: state === "unknown" ? "微信接口 mass_send：未得到应答" : "", created_at: `2026-03-01T0${3 - at}:00:00Z`, status, delivered, failed: delivered ? 29 : 0, filtered: delivered ? 100 : 0 })) })],
    ["GET", "/v1/accounts/:id/callbacks", ({ path, query }) => page(path.id === "shop" ? [["text", "text", "text", "ask:passive"], ["text", "text", "text", "keyword"], ["follow", "subscribe", "text", "welcome"], ["menu_click", "CLICK", "none", "none"], ["text", "text", "text", "opt_out"], ["other", "kf_create_session", "none", "none"], ["mass_result", "MASSSENDJOBFINISH", "none", "none"]].map(([kind, event, answer, decision], at) => ({ at: `2026-03-01T02:0${7 - at}:11Z`, kind, event, sender: kind === "mass_result" ? "" : `oA…${at}x`, answer, decision })) : [], query, (one) => one.key ?? one.at)],
    ["GET", "/v1/accounts/:id/notices", ({ path, query }) => page(path.id === "shop" ? [["PUBLISHJOBFINISH", { publish_status: "0", publish_id: "2247503051" }], ["MASSSENDJOBFINISH", { MsgID: "3147483690", Status: "send success", SentCount: "9871" }], ["change_external_chat", { ChangeType: "update", UserID: "zhangmin", ChatId: "wrOgQhDgAAMYQiS5ol9G7gK9JVAAAA" }]].map(([event, fields], at) => ({ at: `2026-03-01T0${3 - at}:00:00Z`, occurred_at: `2026-03-01T0${3 - at}:00:00Z`, event, fields: { ToUserName: "gh_shop", CreateTime: "1772330400", MsgType: "event", Event: event, ...fields } })) : [], query, (one) => one.key ?? one.at)],
    ["GET", "/v1/accounts/:id/answers", ({ path, query }) => page(path.id === "shop" ? [["open", "", 1], ["passive", "", 2], ["push", "sent", 1], ["push", "refused:platform_quota", 1], ["notice", "", 3], ["fetched", "", 3], ["abandoned", "service_failed", 1]].map(([decision, reason, callbacks], at) => ({ key: `k${at}`, decision, reason, callbacks, opened_at: `2026-03-01T02:0${7 - at}:00Z`, decided_at: `2026-03-01T02:0${7 - at}:14Z`, ...(decision === "open" ? {} : { answered_at: `2026-03-01T02:0${7 - at}:09Z` }) })) : [], query, (one) => one.key ?? one.at)],
    ["GET", "/v1/doctor/wechat", () => ({ ok: false, checks: data.accounts.flatMap((account) => [["settings", true, "Token 与密钥已保存 / token and key are stored", ""], ["access_token", false, "平台看到的地址 / the platform saw: 203.0.113.9；微信接口 token：调用接口的 IP 不在白名单中（errcode 40164：invalid ip 203.0.113.9, not in whitelist）", "公众平台 → 设置与开发 → 开发接口管理 → IP 白名单，加入上面的地址 / put the address above on the IP allow list of the platform"], ["clock", true, "与平台一致 / as the platform's", ""], ["callback", true, `https://zy.example.com/wechat/${account.id}`, ""], ["callback_mode", true, "secure：没有被拒的回调 / no callback was refused", ""], ["quota_mass", true, "今日剩 92 / 100，预留 1，结果不明 1 / 92 of 100 left today", ""]].map(([name, ok, detail, advice]) => ({ account: account.id, name, ok, detail, advice }))) })],
    ["GET", "/v1/doctor", () => ({ ok: false, version: "0.1.0", checks: [["state", true, "41 migrations", ""], ["warehouse", true, "201338 events", ""], ["event_log", true, "readable", ""], ["projections", true, "0 records behind", ""], ["disk", false, "812 MB free", "free some space: below 1 GB the intake will soon refuse events"], ["clock", true, "2026-03-01T02:00:00Z", ""], ["console", true, "built", ""], ["accounts", true, "2 connected", ""]].map(([name, ok, detail, advice]) => ({ name, ok, detail, advice })) })],
  ].map(([method, pattern, handler]) => ({ method, handler, expression: new RegExp(`^${pattern.replace(/\./g, "\\.").replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`) }));
}

/** Thirty days, of which the last ones drift. */
function drift(data, name, window) {
  const days = window === "last" ? 0 : Number.parseInt(window, 10);
  const random = generator(11);
  const all = Array.from({ length: 30 }, (_, at) => {
    const labels = at < 20 ? 0.02 + random() * 0.04 : 0.06 + (at - 20) * 0.028;
    return { day: data.ago((29 - at) * 86_400_000).slice(0, 10), texts: 60 + Math.round(random() * 40), psi: { confidence: 0.03 + random() * 0.03, labels, ngrams: 0.015 + random() * 0.01 }, verdict: labels > 0.25 ? "shifted" : labels > 0.1 ? "shifting" : "stable" };
  });
  return {
    name, version: `${name}-1`, window, texts: window === "last" ? 2400 : 80 * Math.min(days, 30), reference_texts: 9600, psi: { confidence: 0.04, labels: 0.31, ngrams: 0.02 },
    chance: { confidence: 0.005, labels: 0.001, ngrams: 0.001 }, verdicts: { confidence: "stable", labels: "shifted", ngrams: "stable" }, verdict: "shifted", thresholds: { shifting: 0.1, shifted: 0.25 }, drifted: ["labels"],
    ...(days ? { days: all.slice(-days) } : {}),
    alert: { state: "open", since: all[28].day, day: all[29].day, index: "labels", psi: all[29].psi.labels, above: 0.25, texts_min: 50, days_in_a_row: 2 },
    confidence: [{ from: 0, to: 0.7, before: 0.2, now: 0.22 }, { from: 0.7, to: 1, before: 0.8, now: 0.78 }], labels: [{ label: "好评", before: 0.5, now: 0.74 }, { label: "差评", before: 0.5, now: 0.26 }], ngrams: [{ ngram: "酒店", before: 0.31, now: 0.02 }],
  };
}

/** By how many characters two texts share; enough to see the page. */
function duplicates(texts) {
  const like = (a, b) => { const x = new Set(a), y = new Set(b); return [...x].filter((one) => y.has(one)).length / new Set([...x, ...y]).size; };
  const items = texts.map((text, at) => ({ near: texts.slice(0, at).map((other, place) => ({ text: place, similarity: like(text, other) })).filter((one) => one.similarity >= 0.7) }));
  const first = texts.map((_, at) => at);
  items.forEach(({ near }, at) => near.forEach(({ text }) => { const [low, high] = [first[text], first[at]].sort((a, b) => a - b); first.forEach((one, place) => { if (one === high) first[place] = low; }); }));
  const groups = [...new Set(first)].map((one) => first.flatMap((of, at) => (of === one ? [at] : []))).filter((group) => group.length > 1).sort((a, b) => b.length - a.length);
  return { items, groups };
}

const bytesOf = (text) => Buffer.byteLength(text);

/** Something that looks like an analysis: two characters a word, digits are phones. */
function analysed(text, tasks) {
  const words = [];
  for (let at = 0; at < text.length; at += 2) {
    const word = text.slice(at, at + 2);
    const begin = bytesOf(text.slice(0, at));
    words.push({ word, tag: /[，。！？]/.test(word) ? "x" : ["n", "v", "a", "d", "r", "nr", "m"][(at / 2) % 7], span: [begin, begin + bytesOf(word)] });
  }
  const entities = [...text.matchAll(/1\d{10}/g)].map((one) => ({ kind: "phone", text: one[0], span: [bytesOf(text.slice(0, one.index)), bytesOf(text.slice(0, one.index)) + 11], by: "rules", confidence: 0.95 }));
  const item = { language: { name: "zh-Hans", confidence: 0.98 }, keywords: words.slice(0, 4).map(({ word }) => ({ word, weight: 7.1, spans: [] })), entities, masked: text.replace(/(1\d{2})\d{4}(\d{4})/g, "$1****$2"), words };
  const verdict = (label, scores, version, rejected = false) => ({ label, confidence: scores[label], scores, rejected, version, why: { decision: 1.2, intercept: -0.2, encoder: 0, terms: [{ term: words[0].word, weight: 0.61, spans: [words[0].span] }, { term: words.at(-2).word, weight: -0.22, spans: [words.at(-2).span] }] } });
  if (tasks.includes("emotion")) item.emotion = verdict("happy", { happy: 0.71, neutral: 0.14, surprise: 0.08, sad: 0.04, angry: 0.02, fear: 0.01 }, "emotion@1a2b3c4d");
  if (tasks.includes("reviews")) item.reviews = verdict("中评", { 好评: 0.28, 中评: 0.39, 差评: 0.33 }, "reviews-1", true);
  return item;
}

/** Of length 1; texts with the same characters are near. */
function vectorOf(text) {
  const out = Array(64).fill(0.35);
  for (const one of text) out[one.codePointAt(0) % 64] += 1;
  const size = Math.hypot(...out);
  return out.map((one) => one / size);
}

function emptied(data) {
  data.encoder = { id: null, problem: "encoder: none is installed (./dev setup fetches the default one)" };
  for (const name of ["people", "segments", "campaigns", "runs", "models", "shipped", "shadows", "accounts", "quarantine", "keys", "users", "audit", "mappings", "indexes", "files"]) data[name].length = 0;
  return data;
}

async function asset(path, response) {
  const file = normalize(join(kDist, path === "/" ? "index.html" : path));
  if (!file.startsWith(kDist)) return send(response, 404, "text/plain", "no");
  try {
    const bytes = await readFile(file);
    send(response, 200, kTypes[extname(file)] ?? "application/octet-stream", bytes, { "Content-Security-Policy": kPolicy });
  } catch {
    send(response, 404, "text/plain", "not built? npm run build");
  }
}

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, { "Content-Type": type, ...headers });
  response.end(body);
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

const kRoles = { anna: "admin", 小李: "operator", 小陈: "analyst" };

/** Sign-in state, kept per cookie as the real server does. */
function sessions(data, options) {
  const known = new Map();
  const of = (request) => known.get(/zhiyin_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1]);
  return {
    of,
    state: (request) => ({ signed_in: !!of(request), user: null, role: null, csrf: null, needs_setup: options.setup ? data.users.length === 0 : false, version: "0.1.0-mock", stepped_clock: !!options.stepped, ...of(request) }),
    open(body, response) {
      const role = body.key ? (body.key === kKey ? "admin" : null) : body.password === "correct horse" ? kRoles[body.user] : null;
      if (!role) throw new Problem(401, "permission_denied", body.key ? "key: unknown" : "user: name or password is wrong");
      const token = `s${known.size + 1}t`;
      known.set(token, { user: body.key ? "key:admin" : body.user, role, csrf: `c${known.size + 1}` });
      response.setHeader("Set-Cookie", `zhiyin_session=${token}; HttpOnly; SameSite=Strict; Path=/`);
      return { signed_in: true, ...known.get(token) };
    },
    close: (request) => { for (const [token, one] of known) if (one === of(request)) known.delete(token); },
  };
}

/** `options`: `setup` (no users yet), `empty` (nothing there at all), `now`. Answers the listening server. */
export async function startMock(port = 0, options = {}) {
  const data = makeData(options.now ?? Date.now());
  if (options.empty) emptied(data);
  if (options.setup) data.users.length = 0;
  const state = { runs: 0, checks: {} };
  const table = routes(data, state);
  const sign = sessions(data, options);

  function answer(request, url, raw, response) {
    const method = request.method;
    const body = raw.length && (request.headers["content-type"] ?? "").includes("json") ? JSON.parse(raw) : undefined;
    if (url.pathname === "/v1/session") {
      if (method === "POST") return sign.open(body, response);
      if (method === "DELETE") sign.close(request);
      return sign.state(request);
    }
    const caller = sign.of(request);
    if (!caller) throw new Problem(401, "permission_denied", "sign in first");
    if (method !== "GET" && request.headers["x-csrf-token"] !== caller.csrf) throw new Problem(403, "permission_denied", "the X-CSRF-Token header is missing or wrong");
    for (const route of table) {
      const match = route.method === method && route.expression.exec(url.pathname);
      if (!match) continue;
      const path = Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]));
      return route.handler({ path, query: url.searchParams, body, raw: raw.toString("utf8"), headers: request.headers });
    }
    throw notFound(url.pathname);
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    if (!url.pathname.startsWith("/v1/")) return asset(url.pathname, response);
    try {
      const value = answer(request, url, await bodyOf(request), response);
      if (value?.csv) return send(response, 200, "text/csv; charset=utf-8", value.csv, { "Content-Disposition": "attachment" });
      if (value?.html) return send(response, 200, "text/html; charset=utf-8", value.html);
      if (value instanceof Created) return send(response, 201, "application/json", JSON.stringify(value.value));
      send(response, 200, "application/json", JSON.stringify(value));
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
      const status = error.status ?? 500;
      send(response, status, "application/problem+json", JSON.stringify({ type: "about:blank", title: error.title ?? "internal", status, code: error.title, detail: error.message, field: error.field, ...error.more }));
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { server, base: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}
