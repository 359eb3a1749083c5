import { describe, expect, it } from "vitest";
import { accountInput, emptyAccount, inWords, rulesForm, rulesOf } from "../src/lib/account";
import { campaignOf, emptyForm, formFaults, formOf, setChannel } from "../src/lib/campaign";
import { readMetrics } from "../src/lib/metrics";
import { completeness, qualityOf, sourceOf } from "../src/lib/quality";

describe("import reports", () => {
  it("finds the quality report and the source that its events carry", () => {
    const quality = { rows: 1, columns: [] };
    expect(qualityOf({ run: "import_7", quality })).toBe(quality);
    expect(qualityOf(null)).toBeNull();
    expect(qualityOf({ quality: {} })).toBeNull();
    expect(sourceOf({ run: "import_7", quality }, "r_1")).toBe("import:import_7");
    expect(sourceOf(null, "r_1")).toBe("import:r_1");
    expect(completeness({ present: 3, missing: 1 })).toBe(0.75);
    expect(completeness({ present: 0, missing: 0 })).toBe(0);
  });
});

describe("replies and limits of an account", () => {
  const news = { type: "news" as const, articles: [{ title: "x", url: "https://example.com" }] };
  const account = {
    id: "shop", name: "shop", kind: "service" as const, verified: true, mode: "secure" as const,
    reply_rules: { welcome: news, keywords: [{ words: ["价格", "price"], match: "contains" as const, reply: { type: "text" as const, text: "10" } },
                   { words: ["图"], reply: news }], opt_out_words: ["TD"] },
    policy: { mass_calls_per_day: 7, quiet_from: "21:00" },
  };
  it("are shown and kept", () => {
    const form = rulesForm(account.reply_rules, account.policy);
    expect(form.welcome_kept).toBe("news");
    expect(form.keywords[0].words).toBe("价格，price");
    const back = rulesOf({ ...form, opt_out_words: "TD、退订 td2", touches_per_day: 2 }, account);
    expect(back.reply_rules.welcome).toEqual(news);
    expect(back.reply_rules.keywords).toEqual([{ words: ["价格", "price"], match: "contains", reply: { type: "text", text: "10" } },
                                               { words: ["图"], match: "exact", reply: news }]);
    expect(back.reply_rules.opt_out_words).toEqual(["TD", "退订", "td2"]);
    expect(back.policy).toEqual({ mass_calls_per_day: 7, quiet_from: "21:00", quiet_until: "08:00", touches_per_day: 2, touches_per_month: 4 });
  });
  it("leaves out rules without words and says nothing for an empty welcome", () => {
    const form = rulesForm({}, {});
    form.keywords.push({ words: " ，", match: "exact", text: "x", kept: null });
    const back = rulesOf(form, { ...account, reply_rules: {}, policy: {} });
    expect(back.reply_rules.keywords).toEqual([]);
    expect(back.reply_rules.welcome).toEqual({ type: "none" });
    expect(inWords("a，a b")).toEqual(["a", "b"]);
  });
});

describe("model metrics", () => {
  it("reads figures, intervals and the confusion matrix, wherever they were put", () => {
    const part = { metrics: { auc: 0.8, note: "x" }, intervals: { auc: [0.7, 0.9] }, confusion: [[3, 1], [0, 2]] };
    const none = { values: [], intervals: {}, confusion: null, classes: [], perClass: [], reliability: [], warnings: [] };
    const expected = { ...none, values: [["auc", 0.8]], intervals: { auc: [0.7, 0.9] }, confusion: [[3, 1], [0, 2]] };
    expect(readMetrics({ ...part, warnings: ["w"] }).warnings).toEqual(["w"]);
    expect(readMetrics(part)).toEqual(expected);
    expect(readMetrics({ test: part })).toEqual(expected);
    expect(readMetrics({ items: 3 })).toEqual({ ...none, values: [["items", 3]] });
    expect(readMetrics(null)).toEqual(none);
  });
});

describe("campaign form", () => {
  const filled = { ...emptyForm(), id: "spring", name: "春季", account: "shop", segment: "readers", text: "新品 {{link}}", link: "https://example.com" };

  it("gives a stored campaign back as it was", () => {
    const campaign = campaignOf({ ...filled, at: "2026-03-01T10:00" });
    expect(campaign.at).toBe("2026-03-01T10:00:00+08:00");
    expect(campaign.holdout).toBe(0.1);
    expect(campaignOf(formOf(campaign))).toEqual(campaign);
    const template = campaignOf({ ...filled, channel: "template", type: "template", purpose: "notification", templateId: "T1", data: [{ name: "thing1", value: "x" }, { name: "", value: "y" }] });
    expect(template.message.data).toEqual({ thing1: "x" });
    expect(campaignOf(formOf(template))).toEqual(template);
  });

  it("knows what is missing or not allowed", () => {
    expect(formFaults(filled)).toEqual([]);
    expect(formFaults(emptyForm())).toEqual(["id", "name", "account", "segment", "text"]);
    expect(formFaults({ ...filled, link: "" })).toEqual(["link_missing"]);
    expect(formFaults({ ...filled, text: "{{name|朋友}}" })).toEqual(["variables_in_mass"]);
    expect(formFaults({ ...filled, text: "知".repeat(683) })).toEqual(["too_long"]);
    expect(formFaults({ ...filled, text: "知".repeat(682) })).toEqual([]);
    expect(formFaults({ ...filled, link: "example.com" })).toEqual(["link"]);
    expect(formFaults({ ...filled, channel: "template", type: "template", templateId: "T" })).toEqual(["purpose"]);
  });

  it("changes the message with the channel", () => {
    const form = { ...filled };
    setChannel(form, "template");
    expect([form.type, form.purpose]).toEqual(["template", "notification"]);
    setChannel(form, "mass");
    expect([form.type, form.purpose]).toEqual(["text", "marketing"]);
  });
});

describe("account form", () => {
  const known = { id: "shop", name: "", kind: "service", verified: true, mode: "secure", version: 3, has_secret: true, reply_rules: { keywords: [] as never[] }, zone: "Asia/Shanghai" } as const;

  it("leaves empty secrets out and sends back what it does not show", () => {
    const input = accountInput({ ...emptyAccount(), id: "shop", app_id: " wx1 ", token: "tok" }, known);
    expect(input).toMatchObject({ id: "shop", app_id: "wx1", token: "tok", reply_rules: { keywords: [] as never[] }, zone: "Asia/Shanghai" });
    for (const absent of ["app_secret", "encoding_aes_key", "version", "has_secret", "policy"]) expect(input).not.toHaveProperty(absent);
  });
});
