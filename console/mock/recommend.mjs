// What the mock says of items and of recommendation. Never shipped.

const kSources = ["ease", "ials", "tags", "editor", "popular", "fresh"];
const kDay = 86_400_000;

/** A page of the library: every status there is, in the form of GET /v1/items/statistics. */
function library(data) {
  return data.items.map((item, at) => {
    const product = item.kind === "product";
    const dealt = at === 5 ? 0 : Math.round(900 / (at + 1)) + 3;
    const hits = Math.round(dealt * (product ? 0.08 : 0.21));
    const share = dealt ? hits / dealt : 0;
    const spread = dealt ? 1.96 * Math.sqrt((share * (1 - share) + 0.01) / dealt) : 0;
    return {
      item: {
        ...item, category: ["生活", "美食", "育儿"][at % 3], author: at % 2 ? "小王" : "知音编辑部", url: `https://example.com/${item.id}`, tags: [data.tags[at % data.tags.length], data.tags[(at * 3 + 1) % data.tags.length]],
        price: product ? 9900 + at * 100 : null, stock: product ? (at === 7 ? 0 : 40) : null, published_at: data.ago(kDay * at),
        valid_from: at === 2 ? data.ago(-3 * kDay) : null, valid_until: at === 4 ? data.ago(kDay) : null,
      },
      status: at === 7 ? "out_of_stock" : at === 2 ? "upcoming" : at === 4 ? "expired" : "available",
      events: dealt ? { read: dealt * 2, like: hits, ...(product ? { purchase: hits } : {}) } : {}, sums: dealt ? { read: dealt * 95, ...(product ? { purchase: hits * 9900 } : {}) } : {},
      first_at: dealt ? data.ago(kDay * 40) : null, last_at: dealt ? data.ago(kDay * at * 0.1) : null, shown: at % 3 === 0 ? dealt * 7 : 0, shown_at: at % 3 === 0 ? data.ago(3_600_000) : null,
      people: { dealt, reacted: product ? 2 : hits, bought: product ? hits : 0 },
      conversion: dealt ? { of: product ? "bought" : "reacted", n: dealt, hits, share, low: Math.max(0, share - spread), high: share + spread } : null,
    };
  });
}

const kWords = {
  dealt_with: { zh: "已经接触过", en: "dealt with already" },
  unavailable: { zh: "缺货", en: "out of stock" },
  author_max: { zh: "同一作者已到上限", en: "enough by this author" },
  places: { zh: "名额已满", en: "better ones filled the list" },
};
const removed = (rule) => ({ rule, ...kWords[rule] });

function listed(data, at, source, rule) {
  const item = data.items[at % data.items.length];
  const read = data.items[(at + 3) % data.items.length];
  const liked = source === "ease" || source === "ials";
  return {
    item, score: Number((0.9 / (at + 1.3)).toFixed(4)), source, propensity: 1, removed: rule ? removed(rule) : null,
    reason: liked ? `因为你读过《${read.title}》` : source === "tags" ? "因为你常看「美食」的内容" : source === "editor" ? "编辑精选《春茶上新》" : source === "popular" ? "近期热门" : "新内容",
    reason_en: liked ? `because you read "${read.title}"` : source === "tags" ? "because you often look at 美食" : source === "editor" ? "picked by the editors: 春茶上新" : source === "popular" ? "popular lately" : "new",
    terms: liked ? [{ item: read, share: 0.31 }, { item: data.items[(at + 5) % data.items.length], share: 0.12 }] : undefined,
  };
}

function inspected(data, person, query) {
  const cold = !person || person.events <= 20;
  const n = Number(query.get("n") ?? 10);
  const version = query.get("version") || "recommend-2";
  // The older version has another order.
  const turn = version === "recommend-1" ? 2 : 0;
  const order = [...Array(Math.min(n, data.items.length - 3)).keys()].map((at) => (at * 3 + turn) % data.items.length).filter((at, place, all) => all.indexOf(at) === place);
  const final = order.map((at, place) => listed(data, at, cold ? (place % 2 ? "tags" : "popular") : kSources[place % 3]));
  const sources = kSources.map((source, s) => {
    const nothing = (cold && s < 2) || data.items.length === 0;
    const items = nothing ? [] : data.items.slice(0, 8).map((_, at) => listed(data, at + s, source, at === 1 ? "dealt_with" : at === 3 && source === "popular" ? "unavailable" : null));
    return { source, candidates: nothing ? 0 : 40 + s * 31, items };
  });
  const merged = [...final.map((one) => ({ ...one })), ...[1, 2].map((at) => listed(data, at * 4 + 1, "popular", at === 1 && query.get("author_max") ? "author_max" : "places"))];
  return {
    person: person?.id ?? null, model: cold && data.models.length === 0 ? "none" : version, as_of: data.ago(0), n, candidates: 61, removed: [{ ...removed("dealt_with"), count: 21 }, { ...removed("unavailable"), count: 2 }],
    sources, stages: [{ stage: "merged", items: merged }, ...(query.get("diversity") ? [{ stage: "reranked", items: final }] : []), { stage: "final", items: final }],
    interests: cold ? [] : data.tags.slice(0, 5).map((tag, at) => ({ tag, weight: 1 / (at + 1) })), history: cold ? 0 : 37, fallback: cold,
  };
}

function compared(data, query) {
  const mean = (value, spread) => ({ mean: value, low: value - spread, high: value + spread });
  const names = [query.get("version"), query.get("with")].filter(Boolean);
  const few = Number(query.get("people")) < 100;
  const list = (turn) => data.items.slice(0, 8).map((_, at) => ({ ...data.items[(at * 3 + turn) % data.items.length], source: kSources[at % 3] }));
  return {
    people: Number(query.get("people") ?? 200), n: 10,
    versions: names.map((id, at) => ({ id, trained_at: data.ago(kDay * (3 - at)), active: at === 1, settings: {}, metrics: data.models.find((one) => one.id === id)?.metrics ?? {}, sources: { ease: 900 + at * 200, ials: 420, tags: 310, popular: 170 }, items: 214 + at * 31, fallbacks: 12 })),
    overlap: mean(0.62, 0.03), identical: 17, examples: [{ person: data.people[0]?.id ?? "p_a", overlap: 0.2, lists: [list(0), list(2)] }],
    later: few ? { since: data.ago(kDay), people: 12, wanted: 15, refused: "12 people of the sample liked something new since; at least 30 are needed" }
      : { since: data.ago(kDay), people: 143, wanted: 301, versions: [{ "ndcg@10": mean(0.081, 0.012), "recall@10": mean(0.152, 0.02) }, { "ndcg@10": mean(0.094, 0.012), "recall@10": mean(0.155, 0.02) }], difference: { "ndcg@10": mean(0.013, 0.006), "recall@10": mean(0.003, 0.011) } },
  };
}

function mapped(data, query) {
  const by = query.get("by") ?? "behaviour";
  const random = (at) => ((at * 7919 + 13) % 101) / 101 - 0.5;
  const items = library(data).flatMap((one, at) => Array.from({ length: 6 }, (_, copy) => ({ ...one.item, id: copy ? `${one.item.id}-${copy}` : one.item.id, popularity: 10 / (at + 1), x: (at % 3) - 1 + random(at * 6 + copy), y: Math.floor(at / 3) / 3 - 1 + random(at * 11 + copy * 3) })));
  return { by, model: "recommend-2", items, left_out: 4, beyond: 0, shares: [0.31, 0.17] };
}

/** Two editors' lists: one in use, with items that cannot be shown, and one that is switched off. */
function editorLists(data) {
  const [first, second] = [data.items.slice(0, 9), data.items.slice(3, 6)].map((items) => items.map(({ kind, id }) => ({ kind, id })));
  const common = { account: "", valid_from: null, valid_until: null, enabled: true, share: 0.1, version: 1, updated_at: data.ago(kDay), updated_by: "user:anna" };
  return [
    { ...common, id: "spring", name: "春茶上新", items: [...first, { kind: "article", id: "not-here" }], share: 0.2, version: 3, valid_until: data.ago(-20 * kDay) },
    { ...common, id: "winter", name: "冬日特辑", items: second, account: "shop", enabled: false, updated_by: "command line" },
  ];
}

function shownList(list, lines, whole) {
  const contents = list.items.map(({ kind, id }) => {
    const one = lines.find((line) => line.item.kind === kind && line.item.id === id);
    return { kind, id, title: one?.item.title ?? "", status: one?.status ?? "unknown" };
  });
  const by_status = contents.reduce((out, one) => ({ ...out, [one.status]: (out[one.status] ?? 0) + 1 }), {});
  const now = Date.now();
  const state = !list.enabled ? "disabled" : list.valid_from && now < Date.parse(list.valid_from) ? "upcoming" : list.valid_until && now >= Date.parse(list.valid_until) ? "expired" : "active";
  return { ...list, state, can_be_shown: by_status.available ?? 0, by_status, ...(whole ? { contents } : {}) };
}

/** `[method, pattern, handler]`, as those of server.mjs; they stand before its own. */
export function recommendRoutes(data, { page, notFound, Problem, versioned }) {
  const lines = data.people.length ? library(data) : [];
  const line = ({ kind, id }) => lines.find((one) => one.item.kind === kind && one.item.id === id) ?? (() => { throw notFound("item"); })();
  const chosen = data.people.length ? editorLists(data) : [];
  const oneList = (id) => chosen.find((one) => one.id === id) ?? (() => { throw notFound("editors' list"); })();
  return [
    ["GET", "/v1/recommend/editor-lists", ({ query }) => ({ ...page(chosen.map((one) => shownList(one, lines, false)), query), total: chosen.length })],
    ["GET", "/v1/recommend/editor-lists/:id", ({ path }) => shownList(oneList(path.id), lines, true)],
    ["PUT", "/v1/recommend/editor-lists/:id", ({ path, body, headers }) => {
      if (body.name.includes("?")) throw new Problem(400, "invalid_argument", "name: is refused here", "name");
      return versioned(chosen, path.id, body, headers["if-match"], { updated_at: data.ago(0), updated_by: "user:anna" });
    }],
    ["DELETE", "/v1/recommend/editor-lists/:id", ({ path }) => { chosen.splice(chosen.indexOf(oneList(path.id)), 1); return {}; }],
    ["GET", "/v1/items/statistics", ({ query }) => {
      const text = (query.get("q") ?? "").toLowerCase();
      const by = (kind, status) => lines.filter((one) => (!text || one.item.title.toLowerCase().includes(text) || one.item.id.includes(text)) && (!kind || one.item.kind === kind) && (!status || one.status === status));
      const count = (some, of) => some.reduce((out, one) => ({ ...out, [of(one)]: (out[of(one)] ?? 0) + 1 }), {});
      const found = by(query.get("kind"), query.get("status"));
      return { ...page(found, query, (one) => `${one.item.kind}/${one.item.id}`), total: found.length, by_status: count(by(query.get("kind"), null), (one) => one.status), by_kind: count(by(null, query.get("status")), (one) => one.item.kind) };
    }],
    ["GET", "/v1/items/:kind/:id/statistics", ({ path }) => {
      const one = line({ ...path, id: path.id.replace(/-\d$/, "") });
      const daily = Array.from({ length: 30 }, (_, at) => ({ day: data.ago(kDay * (29 - at)).slice(0, 10), dealt: one.people.dealt ? (at * 7) % 13 : 0, bought: one.people.bought ? at % 3 : 0 }));
      const kinds = Object.entries(one.events).map(([kind, events]) => ({ kind, events, people: Math.ceil(events / 2) }));
      return { ...one, kinds, daily, similar: one.people.dealt ? [1, 2, 3].map((at) => listed(data, at, at < 3 ? "ease" : "similar", null)) : [] };
    }],
    ["GET", "/v1/items/:kind/:id", ({ path }) => ({ ...line({ ...path, id: path.id.replace(/-\d$/, "") }).item, text: "正文" })],
    ["POST", "/v1/items", ({ body }) => {
      if (body.title.includes("?")) throw new Problem(400, "invalid_argument", "title: is refused here", "title");
      const one = line(body);
      one.item = { ...one.item, price: null, stock: null, valid_from: null, valid_until: null, ...body };
      return { stored: 1 };
    }],
    ["DELETE", "/v1/items/:kind/:id", ({ path }) => { lines.splice(lines.indexOf(line(path)), 1); return {}; }],
    ["GET", "/v1/recommend/compare", ({ query }) => compared(data, query)],
    ["GET", "/v1/recommend/map", ({ query }) => {
      if (query.get("by") === "factors") throw new Problem(404, "not_found", "map: the version has no item factors; train it with factors, or draw it by behaviour or tags");
      return data.people.length ? mapped(data, query) : { by: query.get("by"), model: "none", items: [], left_out: 0, beyond: 0, shares: [0, 0] };
    }],
    ["GET", "/v1/recommend/:id/inspect", ({ path, query }) => {
      const one = data.people.find((person) => person.id === path.id);
      if (!one && !path.id.includes(":")) throw notFound("person");
      return inspected(data, one, query);
    }],
    ["POST", "/v1/models/recommend/rollback", () => {
      const [now, before] = [data.models.find((one) => one.kind === "recommend" && one.active), data.models.find((one) => one.kind === "recommend" && !one.active)];
      Object.assign(now, { active: false });
      return Object.assign(before, { active: true });
    }],
  ];
}
