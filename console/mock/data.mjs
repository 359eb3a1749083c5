// Plausible data for working on the console without a server. The same at every start.

export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const kTags = ["育儿", "美食", "旅行", "数码", "健身", "理财", "读书", "家居", "时尚", "宠物", "摄影", "茶"];
const kTitles = ["春日露营好物清单", "新手妈妈的睡眠指南", "三分钟学会手冲咖啡", "周末去哪儿：江南古镇", "千元内降噪耳机怎么选", "办公室拉伸八式", "低糖早餐一周食谱", "如何给猫咪换粮", "小户型收纳术", "读懂基金定投"];
const kCities = ["上海", "北京", "杭州", "成都", "广州"];
const kKinds = ["read", "read", "read", "read", "like", "share", "comment", "click", "view", "purchase", "message"];
const kRules = ["frequency_cap", "no_consent", "not_following", "quiet_hours"];
export const kRuleWords = {
  frequency_cap: { zh: "近期已收到过消息，达到频次上限", en: "reached lately; the frequency cap is full" },
  no_consent: { zh: "该用户已退订营销消息", en: "opted out of marketing" },
  not_following: { zh: "该用户没有关注账号", en: "does not follow the account" },
  quiet_hours: { zh: "22:00 到次日 8:00 不主动发送", en: "nothing is sent between 22:00 and 8:00" },
  none: { zh: "", en: "" },
};

const base32 = "abcdefghijklmnopqrstuvwxyz234567";
const kDay = 86_400_000;

export function makeData(now) {
  const random = generator(20260301);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const ago = (ms) => new Date(now - ms).toISOString();
  const id = (length) => Array.from({ length }, () => base32[Math.floor(random() * 32)]).join("");

  const items = kTitles.map((title, at) => ({ kind: at % 4 === 3 ? "product" : "article", id: `a${at + 1}`, title }));

  const people = Array.from({ length: 137 }, () => {
    const events = 1 + Math.floor(random() ** 3 * 900);
    return {
      id: `p_${id(26)}`,
      first_seen: ago(kDay * (30 + random() * 200)),
      last_seen: ago(kDay * random() * 20),
      events,
      following: random() < 0.85 ? ["shop"] : [],
      interests: [...new Set([pick(kTags), pick(kTags), pick(kTags)])].slice(0, events > 20 ? 3 : 0),
      city: pick(kCities),
    };
  }).sort((a, b) => (a.id < b.id ? -1 : 1));

  const features = [
    ["reads_7d", "count", "近 7 天阅读次数", "reads in 7 days"],
    ["reads_30d", "count", "近 30 天阅读次数", "reads in 30 days"],
    ["reading_seconds_30d", "s", "近 30 天阅读时长（秒）", "seconds of reading in 30 days"],
    ["likes_30d", "count", "近 30 天点赞次数", "likes in 30 days"],
    ["shares_30d", "count", "近 30 天转发次数", "shares in 30 days"],
    ["comments_30d", "count", "近 30 天评论次数", "comments in 30 days"],
    ["clicks_30d", "count", "近 30 天点击次数", "clicks in 30 days"],
    ["purchases_30d", "count", "近 30 天购买次数", "purchases in 30 days"],
    ["purchase_fen_30d", "fen", "近 30 天购买金额（分）", "money spent in 30 days, in fen"],
    ["active_days_30d", "d", "近 30 天活跃天数", "days with activity in 30 days"],
    ["days_since_last", "d", "距上次活动天数", "days since the last activity"],
    ["night_share", "share", "夜间活跃占比", "share of activity at night"],
  ].map(([name, unit, help, help_en]) => ({ name, unit, help, help_en }));

  const segments = [
    { id: "readers", name: "近 30 天活跃读者", tree: { and: [{ event: "read", count: { ">=": 3 }, window: "30d" }, { following: "shop" }] }, count: 1284 },
    {
      id: "mothers-sh", name: "上海母婴高价值", count: 96,
      tree: {
        and: [
          { event: "purchase", sum: { ">=": 5000 }, window: "30d", item: { kind: "product", tag: "母婴" } },
          { trait: "city", is: { "=": "上海" } },
          { or: [{ interest: "育儿", is: { ">=": 0.5 } }, { feature: "reading_seconds_30d", is: { ">": 600 } }] },
          { not: { event: "refund", count: { ">=": 1 }, window: "90d" } },
        ],
      },
    },
    { id: "everyone", name: "所有关注者", tree: { and: [{ following: "shop" }] }, count: 2604 },
  ].map((one, at) => ({ ...one, version: 1 + at, as_of: ago(30_000), updated_at: ago(kDay * at) }));

  const campaign = (rest) => ({
    account: "shop", holdout: 0.1, channel: "mass", purpose: "marketing", version: 3, note: "",
    message: { type: "text", text: "春季新品上架，点击查看 {{link}}\n回复 TD 退订", link: "https://example.com/p/1" },
    goal: { event: "purchase", window: "7d" }, created_at: ago(kDay * 12), ...rest,
  });
  const progress = { audience: 1284, planned: 0, held_out: 128, refused: 61, sending: 0, sent: 1095, failed: 0, unknown: 0, cancelled: 0 };
  const campaigns = [
    campaign({ id: "spring", name: "春季上新", segment: "readers", at: ago(kDay * 9), state: "done", started_at: ago(kDay * 9), exposed_at: ago(kDay * 9), progress }),
    campaign({ id: "tea-festival", name: "新茶节预告", segment: "everyone", state: "running", started_at: ago(kDay), progress: { ...progress, audience: 2604, planned: 420, sent: 1860, held_out: 260, refused: 64 }, waiting_until: new Date(now + 3 * 3_600_000).toISOString() }),
    campaign({ id: "care-reply", name: "客服关怀", segment: "mothers-sh", channel: "customer_service", holdout: 0.2, state: "paused", started_at: ago(kDay * 2), message: { type: "text", text: "{{name|朋友}}，您关注的{{city|本地}}活动开始了 {{link}}", link: "https://example.com/care" }, progress: { ...progress, audience: 96, planned: 31, held_out: 19, refused: 12, sent: 34 } }),
    campaign({ id: "order-notice", name: "发货通知", segment: "everyone", channel: "template", purpose: "notification", holdout: 0, state: "draft", goal: null, at: new Date(now + kDay).toISOString(), message: { type: "template", template_id: "TM00123", data: { thing1: "您的订单已发货", time2: "今天 18:00 前" }, link: "https://example.com/o" } }),
  ];

  const days = (count, from) => Array.from({ length: count }, (_, at) => ago(kDay * (from - at)).slice(0, 10));
  const reports = {
    spring: {
      campaign: "spring", as_of: ago(60_000),
      funnel: {
        audience: 1284, eligible: 1236, held_out: 128, planned: 0, sent: 1095, failed: 4, unknown: 2, cancelled: 0,
        refused: [{ rule: "frequency_cap", count: 41, ...kRuleWords.frequency_cap }, { rule: "no_consent", count: 20, ...kRuleWords.no_consent }],
        delivered: { count: 1061, note: "totals only: WeChat reports no delivery per person" }, clicked: 312, link_visits: 401, converted: 84,
      },
      effect: {
        metric: "purchase within 7d", treated: { n: 1156, converted: 87, mean: 0.0753 }, control: { n: 128, converted: 3, mean: 0.0234 },
        estimate: 0.0519, se: 0.0155, interval: [0.0213, 0.0825], p: 0.00094, dof: 189.2, refused: null, window_ends: ago(kDay * 2), window_closed: true,
      },
      split: { expected_holdout: 0.1, observed_holdout: 0.0997, p: 0.97, alarm: false },
      words: {
        zh: "活动有效：收到活动的人中有 7.5 % 在 7 天内购买，没有收到的对照组是 2.3 %。活动多带来约 5.2 个百分点的购买（95 % 区间 2.1 到 8.3），相当于约 60 笔订单。",
        en: "The campaign worked: 7.5 % of those it was meant for bought within 7 days, against 2.3 % of the holdout. That is about 5.2 points more (95 % interval 2.1 to 8.3), some 60 orders.",
      },
      daily: days(9, 9).map((day, at) => ({ day, sent: at === 0 ? 1095 : 0, clicked: Math.round(180 / (at + 1)), converted: Math.round(30 / (at + 1)) })),
    },
    "tea-festival": {
      campaign: "tea-festival", as_of: ago(60_000),
      funnel: { audience: 2604, eligible: 2570, held_out: 260, planned: 420, sent: 1860, failed: 0, unknown: 0, cancelled: 0, refused: [{ rule: "frequency_cap", count: 64, ...kRuleWords.frequency_cap }], delivered: { count: null, note: "" }, clicked: 91, link_visits: 120, converted: 6 },
      effect: { metric: "purchase within 7d", treated: { n: 2344, converted: 8, mean: 0.0034 }, control: { n: 260, converted: 0, mean: 0 }, estimate: 0.0034, se: 0.0028, interval: [-0.0021, 0.0089], p: 0.226, dof: 2300, refused: null, window_ends: new Date(now + kDay * 6).toISOString(), window_closed: false },
      words: { zh: "数据还不够：目前还不能说活动有没有效果，请等目标窗口结束后再看。", en: "Not enough data yet: whether the campaign works cannot be told before the goal's window ends." },
      daily: days(2, 1).map((day) => ({ day, sent: 930, clicked: 45, converted: 3 })),
    },
    "care-reply": {
      campaign: "care-reply", as_of: ago(60_000),
      funnel: { audience: 96, held_out: 19, sent: 34, refused: [{ rule: "cs_window", count: 12, zh: "超出客服消息 48 小时窗口", en: "outside the 48-hour window" }], planned: 31, clicked: 5, converted: 0 },
      effect: { metric: "purchase within 7d", treated: { n: 77, converted: 0, mean: 0 }, control: { n: 19, converted: 0, mean: 0 }, estimate: null, interval: null, refused: "fewer than 30 people in an arm" },
      words: { zh: "数据还不够：对照组只有 19 人，至少需要 30 人。", en: "Not enough data yet: the holdout has 19 people, at least 30 are needed." },
      daily: [],
    },
  };

  const quality = {
    file: "channels.csv", mapping: "channels-wide", rows: 12_480, rows_good: 12_391, rows_skipped: 0, rows_bad: 62, rows_repeated: 27, events: 48_102, accepted: 47_833, duplicates: 207, refused: 62, items: 0,
    columns: [
      { name: "user_id", role: "identity", present: 12_480, missing: 0, invalid: 0, distinct: 12_410, numbers: 0, outliers: 0, normalised: [{ what: "trimmed", count: 14 }] },
      { name: "likes", role: "like", present: 12_431, missing: 49, invalid: 3, distinct: 214, numbers: 12_428, minimum: 0, maximum: 2104, mean: 6.31, median: 2, outliers: 118, outlier_above: 41, normalised: [{ what: "full_width_digits", count: 9 }, { what: "thousands_separator", count: 6 }] },
      { name: "transfers", role: "share", present: 12_118, missing: 362, invalid: 0, distinct: 61, numbers: 12_118, minimum: 0, maximum: 220, mean: 0.8, median: 0, outliers: 74, outlier_above: 9, normalised: [] },
      { name: "comments", role: "comment", present: 12_301, missing: 179, invalid: 41, distinct: 58, numbers: 12_260, minimum: 0, maximum: 97, mean: 0.6, median: 0, outliers: 52, outlier_above: 8, normalised: [] },
      { name: "time_spent", role: "value", present: 12_300, missing: 180, invalid: 18, distinct: 3801, numbers: 12_282, minimum: 0, maximum: 86_400, mean: 241.7, median: 96, outliers: 240, outlier_above: 1602, normalised: [] },
      { name: "备注", role: "", present: 320, missing: 12_160, invalid: 0, distinct: 288, numbers: 0, outliers: 0, normalised: [] },
    ],
    bad_rows: [{ row: 18, column: "comments", reason: "'many' is no number" }, { row: 77, column: "time_spent", reason: "-30 is below 0" }, { row: 1204, column: "", reason: "5 cells, 6 columns in the header" }],
    notes: ["文件末尾有一行不完整，已跳过 / the last line is cut off and was left out"],
  };

  const runs = [
    { id: "r_0199aa06", kind: "import", title: "articles.jsonl", state: "running", progress: 0.42, detail: "52000 rows, 52000 events", started_at: ago(40_000), ended_at: null, error: null, result: null },
    { id: "r_0199aa05", kind: "train response", title: "", state: "done", progress: 1, detail: "", started_at: ago(3_600_000), ended_at: ago(3_588_000), error: null, result: { model: "response-3", version: 3, metrics: { metrics: { accuracy: 0.861, auc: 0.842 } } } },
    { id: "r_0199aa04", kind: "import", title: "channels.csv", state: "done", progress: 1, detail: "", started_at: ago(7_200_000), ended_at: ago(7_100_000), error: null, result: { run: "r_0199aa04", state: "done", account: "shop", resumed_from_row: 0, seconds: 4.2, quality } },
    { id: "r_0199aa03", kind: "import", title: "orders-2026.parquet", state: "failed", progress: null, detail: "", started_at: ago(kDay), ended_at: ago(kDay - 2000), error: "mapping: column 'paid_at' is not in the file; nearest: 'pay_at'", result: null },
    { id: "r_0199aa02", kind: "sync", title: "shop", state: "cancelled", progress: null, detail: "", started_at: ago(kDay * 2), ended_at: ago(kDay * 2 - 9000), error: "run: cancelled", result: null },
    { id: "r_0199aa01", kind: "train recommend", title: "", state: "done", progress: 1, detail: "", started_at: ago(kDay * 3), ended_at: ago(kDay * 3 - 61_000), error: null, result: { model: "recommend-1", version: 1 } },
  ];

  const bins = [[0.05, 0.04, 610], [0.15, 0.17, 301], [0.3, 0.27, 188], [0.5, 0.53, 120], [0.75, 0.71, 83]].map(([predicted, observed, count]) => ({ predicted, observed, count }));
  const models = [
    { id: "response-3", kind: "response", version: 3, source: "trained", trained_at: ago(3_588_000), active: true, checksum: "9f2c44d1a7b0e3c5d8f1029384756abcdeff00112233445566778899aabbccdd", window: { from: null, to: ago(kDay * 7) }, settings: { seed: 1, horizon: "7d" }, metrics: { metrics: { accuracy: 0.861, precision: 0.534, recall: 0.618, f1: 0.573, auc: 0.842, log_loss: 0.331, brier: 0.102, ece: 0.018 }, intervals: { accuracy: [0.842, 0.879], auc: [0.815, 0.867] }, confusion: [[1021, 98], [70, 113]], reliability: bins, per_class: [{ class: "0", precision: 0.936, recall: 0.912, f1: 0.924, support: 1119 }, { class: "1", precision: 0.534, recall: 0.618, f1: 0.573, support: 183 }] } },
    { id: "response-2", kind: "response", version: 2, source: "trained", trained_at: ago(kDay * 8), active: false, checksum: "aa", settings: { seed: 1, horizon: "14d" }, metrics: { metrics: { accuracy: 0.844, auc: 0.815 }, confusion: [[1001, 118], [85, 98]] } },
    { id: "recommend-2", kind: "recommend", version: 2, source: "trained", trained_at: ago(kDay), active: true, checksum: "bb13", window: { to: ago(kDay) }, settings: { algorithm: "ease", k: 200, lambda: 300, factors: 32 }, metrics: { people: 3011, items: 430, interactions: 95201, losses: Array.from({ length: 15 }, (_, at) => 4200 + 9000 / (at + 1) ** 2), tried: Array.from({ length: 12 }, (_, at) => ({ params: { lambda: 100 + at * 60, recency: 0.7 + (at % 4) / 10 }, value: 0.071 + 0.018 * Math.sin(at), interval: [0.06 + 0.018 * Math.sin(at), 0.082 + 0.018 * Math.sin(at)] })) } },
    { id: "recommend-1", kind: "recommend", version: 1, source: "trained", trained_at: ago(kDay * 3), active: false, checksum: "bb12", metrics: { people: 2890, items: 412, interactions: 88120 } },
    { id: "reviews-2", kind: "reviews", version: 2, source: "installed", trained_at: ago(kDay), active: false, checksum: "cc34", settings: { features: "ngram", rows: 5200, seed: 1 }, metrics: { metrics: { accuracy: 0.921, macro_f1: 0.914, coverage: 0.981, ece: 0.013 }, classes: ["差评", "中评", "好评"], confusion: [[812, 31, 9], [40, 402, 55], [6, 38, 1401]], reliability: bins, per_class: [{ class: "差评", precision: 0.946, recall: 0.953, f1: 0.95, support: 852 }, { class: "中评", precision: 0.853, recall: 0.809, f1: 0.83, support: 497 }, { class: "好评", precision: 0.956, recall: 0.97, f1: 0.963, support: 1445 }] } },
    { id: "reviews-1", kind: "reviews", version: 1, source: "installed", trained_at: ago(kDay * 20), active: true, checksum: "cc33", settings: { features: "ngram", rows: 3100, seed: 1 }, metrics: { metrics: { accuracy: 0.902, macro_f1: 0.893, coverage: 0.979, ece: 0.022 } } },
  ];
  const shipped = [
    { id: "emotion@1a2b3c4d", kind: "emotion", version: "1a2b3c4d", source: "shipped", checksum: "1a2b3c4d5e6f7081", bytes: 2_700_110, classes: ["angry", "fear", "happy", "neutral", "sad", "surprise"], features: 150_000, encoder_values: 0, threshold: 0.29, settings: { features: "ngram", rows: 24306, seed: 1 }, metrics: { metrics: { accuracy: 0.709, macro_f1: 0.655, coverage: 0.98, ece: 0.031 }, intervals: { accuracy: [0.703, 0.715] } }, card: "# emotion: emotion of posts\n\nSix emotions, one a post.\n\n| | |\n|---|---|\n| learnt from | 24,306 posts |\n| accuracy | 71.15 % |\n\n| class | F1 |\n|---|---|\n| angry | 0.777 |\n| sad | 0.553 |\n" },
    { id: "topic", kind: "topic", version: "", source: "shipped", problem: "model: its bytes are damaged", card: null },
  ];
  const encoder = { id: "e5-small@5f0e9b1c", checksum: "5f0e9b1caa771122334455", width: 384, layers: 12, vocabulary: 26012, tokens_max: 512, kernels: "avx512-vnni" };
  const writer = { backend: "openai", name: "qwen-plus", instead: false, endpoints: [{ host: "api.example.com", model: "qwen-plus" }], limits: { tokens_a_day: 200000, fen_a_day: 2000, budgets: "", at_once: 4 }, spend_today: [{ purpose: "service", tokens: 2150, cost_fen: 0.33, tokens_a_day: 200000, fen_a_day: 2000 }], since_start: { texts: 12, failed: 1, cancelled: 0, prompt_tokens: 840, answer_tokens: 1310, estimated: false, cost_fen: 0.33, seconds: 19.2, last_text_at: ago(400_000), last_failure: { at: ago(900_000), code: "unavailable", message: "api.example.com: answered 503" } } };

  const accounts = [
    { id: "shop", name: "知音小店", kind: "service", verified: true, app_id: "wx1234567890abcdef", original_id: "gh_1a2b3c4d5e6f", has_secret: true, has_token: true, has_encoding_aes_key: true, mode: "secure", token_kind: "stable_token", zone: "Asia/Shanghai", base_url: "",
      reply_rules: { welcome: { type: "text", text: "欢迎来到知音小店，回复“新人”领优惠券。" }, keywords: [{ words: ["新人"], match: "exact", reply: { type: "text", text: "满 100 减 20，今日有效" } }, { words: ["价格", "多少钱"], match: "contains", reply: { type: "news", articles: [{ title: "价目表", url: "https://example.com/prices" }] } }], opt_out_words: ["TD", "退订"], opt_in_words: ["订阅"], opt_out_text: "您已退订。", opt_in_text: "已恢复。" },
      policy: { quiet_from: "22:00", quiet_until: "08:00", touches_per_day: 1, touches_per_month: 4 }, version: 2 },
    { id: "reading", name: "知音读书", kind: "subscription", verified: false, app_id: "wxabcdefabcdef1234", original_id: "gh_998877", has_secret: false, has_token: true, has_encoding_aes_key: false, mode: "plain", token_kind: "stable_token", zone: "Asia/Shanghai", base_url: "", version: 1 },
  ];

  const quarantine = [
    { id: 12, received_at: ago(90_000), source: "api", reason: "occurred_at lies in the future", field: "occurred_at", event: { account: "shop", identities: [{ kind: "openid", value: "o9Xk…" }], kind: "read", item: { kind: "article", id: "a1" }, value: 40, occurred_at: "2031-01-01T00:00:00Z" } },
    { id: 11, received_at: ago(7_150_000), source: "import:r_0199aa04", reason: "'many' is no number", field: "value", event: { account: "shop", kind: "comment", value: "many", properties: { row: 18, file: "channels.csv", raw: "u0018,3,1,many,120,从二维码关注，买过两次母婴用品" } } },
    { id: 10, received_at: ago(8_000_000), source: "page", reason: "no JSON: unexpected end", field: "", event: "{\"account\":\"shop\",\"kind\":" },
  ];

  const keys = [
    { id: "9b1c2d3e4f506172", name: "官网上报", role: "ingest", accounts: ["shop"], created_at: ago(kDay * 40) },
    { id: "1122334455667788", name: "admin", role: "admin", accounts: [], created_at: ago(kDay * 90) },
  ];
  const users = [{ name: "anna", role: "admin", created_at: ago(kDay * 89) }, { name: "小李", role: "operator", created_at: ago(kDay * 30) }];
  const audit = Array.from({ length: 240 }, (_, at) => ({
    id: 240 - at, at: ago(at * 1_900_000), who: at % 3 ? "user:anna" : "key:website",
    what: ["PUT /v1/segments/readers", "POST /v1/campaigns/spring/start", "POST /v1/imports", "sign-in", "DELETE /v1/keys/77aa"][at % 5],
    status: at % 11 === 7 ? 409 : 200, detail: at % 11 === 7 ? "segment: version is 3, not 2" : "",
  }));

  const indexes = [{ name: "reviews", texts: 482_113, created_at: ago(40 * kDay), changed_at: ago(kDay / 5) }, { name: "titles", texts: 9_204, created_at: ago(12 * kDay), changed_at: ago(2 * kDay) }];
  const files = [{ run: runs.find((one) => one.state === "done")?.id ?? "r_0", name: "三月评论.csv", rows: 12_041, faulty: 18, failed: 0, done: true, running: false, bytes: 4_812_330 }];
  return { indexes, files, now, random, pick, ago, items, people, features, tags: kTags, kinds: kKinds, segments, campaigns, reports, runs, models, shipped, encoder, writer, shadows: [], accounts, quarantine, keys, users, audit, rules: kRules, mappings: [{ name: "我的订单", shipped: false }, { name: "events", shipped: true }, { name: "channels-wide", shipped: true }, { name: "ml-100k", shipped: true }] };
}
