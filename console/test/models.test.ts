import { describe, expect, it } from "vitest";
import { problemOf } from "../src/api/client";
import type { Model } from "../src/api/types";
import { readCard } from "../src/lib/card";
import { readMetrics } from "../src/lib/metrics";
import { byKind, differences, isEarlier, likeness, usableClassifiers } from "../src/lib/models";
import { shade, weighted } from "../src/lib/spans";

const model = (id: string, more: Partial<Model> = {}): Model => ({ id, kind: id.split(/[-@]/)[0], version: Number(id.split("-")[1]), ...more });

describe("versions", () => {
  const shipped = [model("emotion@1a", { source: "shipped", version: "1a" }), model("topic@2b", { source: "shipped", version: "2b" })];
  const kinds = byKind([model("topic-2"), model("topic-1", { active: true }), model("response-1")], shipped);

  it("groups by kind, those of people before those of texts", () => {
    expect(kinds.map((one) => one.kind)).toEqual(["response", "topic", "emotion"]);
    expect(kinds[1].versions.map((one) => one.id)).toEqual(["topic-2", "topic-1", "topic@2b"]);
  });

  it("uses the active version, else what comes with the program", () => {
    expect(kinds.map((one) => one.inUse?.id)).toEqual([undefined, "topic-1", "emotion@1a"]);
    expect(byKind([], [model("topic@3c", { source: "shipped", problem: "damaged" })])[0].inUse).toBeNull();
  });

  it("tells going back from going on", () => {
    expect(isEarlier(model("topic-1"), model("topic-2"))).toBe(true);
    expect(isEarlier(model("topic-2"), model("topic-1"))).toBe(false);
    expect(isEarlier(model("topic-2"), shipped[1])).toBe(false);
    expect(isEarlier(model("topic-2"), null)).toBe(false);
  });

  it("asks only classifiers that can answer", () => {
    const joined = byKind([model("a-1", { active: true, settings: { encoder: "x" } }), model("b-1", { active: true }), model("c-1"), model("response-1", { active: true })]);
    expect(usableClassifiers(joined, { id: "e", checksum: "x" })).toEqual(["a", "b"]);
    expect(usableClassifiers(joined, { id: "e", checksum: "y" })).toEqual(["b"]);
    expect(usableClassifiers(joined, undefined)).toEqual(["b"]);
    const pair = byKind([{ id: "p-1", kind: "p", version: 1, active: true, settings: { task: "pair" } } as Model]);
    expect(usableClassifiers(pair, undefined)).toEqual([]);
  });

  it("finds the leaves in which two differ", () => {
    expect(differences({ a: { b: 1, c: 2 }, d: [] }, { a: { b: 1, c: 3 }, e: "x", d: [] })).toEqual([
      { path: "a.c", before: 2, after: 3 }, { path: "e", before: undefined, after: "x" },
    ]);
    expect(differences({ a: null }, { a: null })).toEqual([]);
  });
});

describe("figures", () => {
  it("reads classes, scores of each and the calibration", () => {
    const read = readMetrics({
      metrics: { accuracy: 0.9 }, classes: ["x", "y"], per_class: [{ class: "x", precision: 1, recall: 1, f1: 1, support: 3 }, { class: "broken" }],
      reliability: [{ predicted: 0.1, observed: 0.2, count: 5 }, { predicted: 0.9, observed: 0, count: 0 }],
    });
    expect(read.classes).toEqual(["x", "y"]);
    expect(read.perClass).toHaveLength(1);
    expect(read.reliability).toEqual([{ predicted: 0.1, observed: 0.2, count: 5 }]);
    expect(readMetrics(null).reliability).toEqual([]);
  });

  it("puts first what is looked at first", () => {
    const read = readMetrics({ metrics: { accepted_accuracy: 0.9, accuracy: 0.8, ece: 0.1, macro_f1: 0.7 } });
    expect(read.values.map(([name]) => name)).toEqual(["accuracy", "macro_f1", "accepted_accuracy", "ece"]);
  });

  it("reads paragraphs and tables of a card", () => {
    expect(readCard("# title\n\nUse `it`,\nwell.\n\n| | |\n|---|---|\n| rows | 5 |\n\n| class | F1 |\n|---|---|\n| a | 0.5 |\n")).toEqual([
      { text: "Use it, well." }, { head: [], rows: [["rows", "5"]] }, { head: ["class", "F1"], rows: [["a", "0.5"]] },
    ]);
    expect(readCard("")).toEqual([]);
  });
});

describe("places in a text", () => {
  it("takes bytes for what they are, whatever the characters", () => {
    expect(weighted("a知😀b", [{ span: [1, 4], weight: 2 }, { span: [4, 8], weight: -1 }])).toEqual([
      { text: "a", weight: 0 }, { text: "知", weight: 2 }, { text: "😀", weight: -1 }, { text: "b", weight: 0 },
    ]);
  });

  it("adds up what overlaps and takes whole characters", () => {
    expect(weighted("好吃", [{ span: [0, 6], weight: 1 }, { span: [0, 1], weight: 1 }, { span: [6, 99], weight: 9 }])).toEqual([
      { text: "好", weight: 2 }, { text: "吃", weight: 1 },
    ]);
    expect(weighted("", [])).toEqual([]);
  });

  it("shades by the heaviest", () => {
    expect([shade(3, 3), shade(0.1, 3), shade(-3, 3), shade(0, 3), shade(1, 0)]).toEqual([3, 1, -3, 0, 0]);
  });
});

describe("likeness", () => {
  it("puts the most alike first", () => {
    const { matrix, pairs } = likeness([[1, 0], [0, 1], [0.6, 0.8]]);
    expect(matrix[0]).toEqual([1, 0, 0.6]);
    expect(pairs.map((one) => [one.a, one.b])).toEqual([[1, 2], [0, 2], [0, 1]]);
    expect(likeness([]).pairs).toEqual([]);
  });
});

describe("errors in the OpenAI shape", () => {
  it("become problems like any other", () => {
    const problem = problemOf(400, "Bad Request", '{"error":{"message":"input: is empty","type":"invalid_request_error","param":"input","code":null}}');
    expect([problem.title, problem.detail, problem.field, problem.code]).toEqual(["invalid_request_error", "input: is empty", "input", undefined]);
    expect(problemOf(500, "", '{"error":null}').status).toBe(500);
  });
});
