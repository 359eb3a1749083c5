import { describe, expect, it } from "vitest";
import { fieldsOf, itemOf } from "../src/lib/items";
import { byStatus, editorFaults, editorFormOf, editorListOf, emptyEditorForm, movedTo, withItem } from "../src/lib/editors";
import { grouped, matches, moved, places, readCurves, readTrial } from "../src/lib/recommend";

describe("two lists", () => {
  it("say how far an item moved", () => {
    const before = places([{ kind: "article", id: "a" }, { kind: "article", id: "b" }, { kind: "product", id: "a" }]);
    expect(before.get("product/a")).toBe(3);
    expect([moved(1, 3), moved(2, 1), moved(2, 2), moved(1, before.get("article/c"))]).toEqual([2, -1, 0, "new"]);
  });
});

describe("curves", () => {
  it("reads losses and trials, and nothing where nothing is", () => {
    const read = readCurves({ losses: [3, "x", 2, null], tried: [{ params: { lambda: 3, recency: 0.9 }, value: 0.1, interval: [0.08, 0.12] }, { value: 0.2, low: 0.1, high: 0.3 }, { params: {} }, 7] });
    expect(read.losses).toEqual([3, 2]);
    expect(read.tried).toEqual([{ params: "lambda=3 recency=0.9", value: 0.1, low: 0.08, high: 0.12 }, { params: "", value: 0.2, low: 0.1, high: 0.3 }]);
    expect(readCurves(null)).toEqual({ losses: [], tried: [] });
  });
});

describe("the trial of a version", () => {
  it("is read where there was one", () => {
    const metrics = { held_out_from: "2026-01-01T00:00:00Z", held_out_likings: 90, people_measured: 60, ndcg: 0.2, in_use: "recommend-1", in_use_ndcg: 0.15, ndcg_gain: 0.05, intervals: { ndcg_gain: [0.01, 0.09] }, not_worse: true };
    expect(readTrial(metrics)).toMatchObject({ people: 60, inUse: "recommend-1", retrained: false, gain: 0.05, low: 0.01, high: 0.09, notWorse: true });
    expect(readTrial({ ...metrics, in_use: undefined })?.inUse).toBe("");
    expect(readTrial({ people: 3 })).toBeNull();
    expect(readTrial({ held_out_from: "2026-01-01T00:00:00Z", people_measured: 0 })).toBeNull();
  });
});

describe("groups of a map", () => {
  it("keeps the largest, the nameless and the rest together", () => {
    const groups = grouped(["b1", "a1", "a2", "c1", "-"], (one) => (one === "-" ? "" : one[0]), 2);
    expect(groups).toEqual([{ name: "a", points: ["a1", "a2"] }, { name: "b", points: ["b1"] }, { name: "", points: ["c1", "-"] }]);
    expect(grouped([], String, 3)).toEqual([]);
  });

  it("finds by all words, in either case", () => {
    expect(matches("CAMP 露营", ["Camping", undefined, "春日露营"])).toBe(true);
    expect(matches("camp tea", ["Camping"])).toBe(false);
    expect(matches("  ", ["x"])).toBe(false);
  });
});

describe("the form of an item", () => {
  const item = { kind: "product", id: "p1", title: "壶", text: "长文", tags: ["茶", "礼物"], price: 12_345, stock: 0, valid_until: "2026-03-01T00:00:00+08:00", cover: "https://e.com/c.png" };

  it("gives back what it got", () => {
    expect(itemOf(item, fieldsOf(item))).toEqual({ ...item, valid_until: "2026-03-01T00:00:00+08:00" });
  });

  it("leaves out what was emptied and keeps a stock of none", () => {
    const changed = itemOf(item, { ...fieldsOf(item), price: "", tags: " 茶，礼物 茶 ", valid_until: "", cover: " ", stock: "0" });
    expect(changed).toEqual({ kind: "product", id: "p1", title: "壶", text: "长文", tags: ["茶", "礼物"], stock: 0 });
    expect(itemOf(item, { ...fieldsOf(item), price: "0.29" }).price).toBe(29);
  });
});

describe("the form of an editors' list", () => {
  const list = {
    id: "spring", name: "春茶上新", items: [{ kind: "article", id: "a" }, { kind: "article", id: "gone" }], account: "shop", valid_from: null, valid_until: "2026-03-01T00:00:30+08:00", enabled: true, share: 0.1234,
    version: 3, updated_at: "2026-01-01T00:00:00Z", updated_by: "user:anna", state: "active", can_be_shown: 1, by_status: { available: 1, unknown: 1 },
    contents: [{ kind: "article", id: "a", title: "甲", status: "available" }, { kind: "article", id: "gone", title: "", status: "unknown" }],
  };

  it("gives back what it got, to the second and the thousandth", () => {
    expect(editorListOf(editorFormOf(list), list)).toEqual({ name: "春茶上新", items: list.items, account: "shop", valid_from: null, valid_until: list.valid_until, enabled: true, share: 0.1234 });
    expect(editorListOf({ ...editorFormOf(list), share_percent: 25, valid_until: "" }, list)).toMatchObject({ share: 0.25, valid_until: null });
    expect(editorListOf({ ...emptyEditorForm(), name: " 新 " })).toMatchObject({ name: "新", share: 0.1, valid_from: null, account: "" });
  });

  it("says what keeps it from being saved", () => {
    const form = editorFormOf(list);
    expect(editorFaults(form)).toEqual([]);
    expect(editorFaults(emptyEditorForm())).toEqual(["id", "name", "items"]);
    expect(editorFaults({ ...form, id: "Spring", name: "茶".repeat(65), share_percent: 51, valid_from: "2026-03-02T00:00" })).toEqual(["id", "name", "share", "valid"]);
    expect(editorFaults({ ...form, name: "茶".repeat(64) })).toEqual([]);
  });

  it("puts items in order, each once", () => {
    expect(movedTo(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
    expect(movedTo(["a", "b"], 1, 2)).toEqual(["a", "b"]);
    const more = withItem(list.contents, { kind: "product", id: "a", status: "hidden" });
    expect(more).toHaveLength(3);
    expect(withItem(more, { kind: "product", id: "a", status: "hidden" })).toBe(more);
    expect(byStatus(more)).toEqual([["available", 1], ["unknown", 1], ["hidden", 1]]);
    expect(byStatus([])).toEqual([["available", 0]]);
  });
});
