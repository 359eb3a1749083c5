import { describe, expect, it } from "vitest";
import { difference, linesOf, tableOf, textColumn, within } from "../src/lib/duplicates";

const said = (before: string, after: string) => difference(before, after).map((one) => ({ same: "=", added: "+", removed: "-" })[one.kind] + one.text);

describe("texts out of what was given", () => {
  it("takes lines as they are, whatever ends them", () => {
    expect(linesOf("\ufeffa\r\nb\n\nc\r")).toEqual(["a", "b", "", "c"]);
    expect(within(["a ", "", "b", "c"], 2)).toEqual({ texts: ["a", "b"], skipped: 1, cut: true });
    expect(within(["好".repeat(10), "坏"], 10, 40)).toEqual({ texts: ["好".repeat(10)], skipped: 0, cut: true });
  });

  it("reads tables with quotes, line ends inside them, and other separators", () => {
    expect(tableOf('a,b\r\n"x, ""y""\nz",2\r\n\r\n3,4')).toEqual({ header: ["a", "b"], rows: [['x, "y"\nz', "2"], ["3", "4"]] });
    expect(tableOf("a;b\n1;2\n")).toEqual({ header: ["a", "b"], rows: [["1", "2"]] });
    expect(tableOf("a\tb\n1\t2")).toEqual({ header: ["a", "b"], rows: [["1", "2"]] });
    expect(tableOf("")).toEqual({ header: [], rows: [] });
  });

  it("finds the column of the texts by its name, else by its length", () => {
    expect(textColumn(tableOf("id,评论\n12345678,好\n"))).toBe(1);
    expect(textColumn(tableOf("id,x\n1,很长的一段文字\n"))).toBe(1);
  });
});

describe("what differs", () => {
  it("keeps as much as can be kept", () => {
    expect(said("今天很好", "今天很好")).toEqual(["=今天很好"]);
    expect(said("今天很好", "今天真好啊")).toEqual(["=今天", "-很", "+真", "=好", "+啊"]);
    expect(said("abcd", "bd")).toEqual(["-a", "=b", "-c", "=d"]);
    expect(said("", "a")).toEqual(["+a"]);
  });

  it("counts characters, not halves of them, and gives up in time", () => {
    expect(said("👍好", "👎好")).toEqual(["-👍", "+👎", "=好"]);
    const pieces = difference(`a${"x".repeat(5000)}b`, `a${"y".repeat(5000)}b`);
    expect(pieces.map((one) => [one.kind, one.text.length])).toEqual([["same", 1], ["removed", 5000], ["added", 5000], ["same", 1]]);
  });

  it("gives both texts back", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 200; round++) {
      const [a, b] = [0, 1].map(() => Array.from({ length: random(12) }, () => "甲乙丙"[random(3)]).join(""));
      const pieces = difference(a, b);
      expect(pieces.filter((one) => one.kind !== "added").map((one) => one.text).join("")).toBe(a);
      expect(pieces.filter((one) => one.kind !== "removed").map((one) => one.text).join("")).toBe(b);
    }
  });
});
