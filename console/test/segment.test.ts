import { describe, expect, it } from "vitest";
import { conditionCount, fromTree, kDepthMax, makeCondition, makeGroup, toTree, TreeFault } from "../src/lib/segment";

const kDocumented = {
  and: [
    { event: "read", count: { ">=": 3 }, window: "7d" },
    { event: "purchase", sum: { ">=": 5000 }, window: "30d", item: { kind: "product", tag: "母婴" } },
    { feature: "reading_seconds_30d", is: { ">": 60 } },
    { trait: "city", is: { "=": "上海" } },
    { interest: "育儿", is: { ">=": 0.5 } },
    { following: "shop" },
    { not: { event: "purchase", count: { ">=": 1 }, window: "30d" } },
  ],
};

function faultOf(tree: unknown): TreeFault {
  try {
    fromTree(tree);
  } catch (fault) {
    return fault as TreeFault;
  }
  throw new Error("was accepted");
}

/** A small linear congruential generator: the same trees at every run. */
function generator(seed: number) {
  let state = seed;
  return (bound: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * bound);
  };
}

function randomTree(next: (bound: number) => number, depth: number): unknown {
  const op = [">=", ">", "<", "<=", "=", "!="][next(6)];
  switch (next(depth > 3 ? 6 : 9)) {
    case 0: return { event: ["read", "like"][next(2)], count: { [op]: next(9) }, window: "7d" };
    case 1: return { event: "purchase", sum: { [op]: next(9000) }, item: { kind: "product", tag: "茶" }, account: "shop" };
    case 2: return { feature: "likes_30d", is: { [op]: next(50) / 4 } };
    case 3: return { trait: "city", is: { in: ["上海", "北京"].slice(next(2)) } };
    case 4: return { interest: "育儿", is: { ">=": 0.25, "<": 0.75 } };
    case 5: return { following: "shop" };
    case 6: return { not: { or: [randomTree(next, depth + 1)] } };
    case 7: return { or: [randomTree(next, depth + 1), randomTree(next, depth + 1)] };
    default: return { and: [randomTree(next, depth + 1), { all: true }] };
  }
}

describe("segment form", () => {
  it("gives the documented tree back unchanged", () => {
    expect(toTree(fromTree(kDocumented))).toEqual(kDocumented);
  });

  it("gives every tree back once the root is a group", () => {
    const next = generator(7);
    for (let round = 0; round < 300; ++round) {
      const tree = { and: [randomTree(next, 0)] };
      expect(toTree(fromTree(tree))).toEqual(tree);
    }
  });

  it("takes everyone as an empty form and back", () => {
    expect(fromTree({ all: true }).children).toEqual([]);
    expect(toTree(makeGroup())).toEqual({ all: true });
  });

  it("wraps a single condition into a group", () => {
    expect(toTree(fromTree({ following: "shop" }))).toEqual({ and: [{ following: "shop" }] });
  });

  it("cancels a double negation", () => {
    const tree = { not: { not: { following: "shop" } } };
    expect(toTree(fromTree(tree))).toEqual({ and: [{ following: "shop" }] });
  });

  it("counts at least once when an event brings no measure", () => {
    expect(toTree(fromTree({ and: [{ event: "read" }] }))).toEqual({
      and: [{ event: "read", count: { ">=": 1 } }],
    });
  });

  it("keeps a trait's number, text and truth apart", () => {
    const tree = { or: [{ trait: "age", is: { "=": 30 } }, { trait: "zip", is: { "=": "0200" } }, { trait: "vip", is: { "=": true } }] };
    expect(toTree(fromTree(tree))).toEqual(tree);
  });

  it.each([
    [{ and: [{ event: "read", count: { "~": 3 } }] }, 'and[0].count["~"]'],
    [{ and: [{ event: "read", count: { ">=": "3" } }] }, 'and[0].count[">="]'],
    [{ and: [{ event: 7 }] }, "and[0].event"],
    [{ and: [{ event: "read", count: { ">=": 1 }, sum: { ">=": 1 } }] }, "and[0]"],
    [{ and: [{ event: "read", windw: "7d" }] }, "and[0].windw"],
    [{ or: {} }, "or"],
    [{ not: { feature: "x", is: {} } }, "not.is"],
    [{ feature: "x", is: { in: [1] } }, '.is["in"]'],
    [{ trait: "x", is: { "=": ["a"] } }, '.is["="]'],
    [{ colour: "red" }, ""],
    [[], ""],
    [null, ""],
  ])("refuses %j at %s", (tree, path) => {
    expect(faultOf(tree).path).toBe(path);
  });

  it("refuses trees nested beyond the limit and takes those at it", () => {
    const nested = (levels: number): unknown => (levels === 0 ? { all: true } : { and: [nested(levels - 1)] });
    expect(() => fromTree(nested(kDepthMax))).not.toThrow();
    expect(() => fromTree(nested(kDepthMax + 1))).toThrow(TreeFault);
  });

  it("names the condition that is incomplete", () => {
    const root = makeGroup("and", [makeCondition("following", "shop"), makeGroup("or", [makeCondition("feature")])]);
    expect(() => toTree(root)).toThrow(expect.objectContaining({ path: "2.1.", fault: "name missing" }));
  });

  it.each(["90s", "5m", "12h", "7d", "2w"])("takes the window %s", (window) => {
    const tree = { and: [{ event: "read", count: { ">=": 1 }, window }] };
    expect(toTree(fromTree(tree))).toEqual(tree);
  });

  it.each(["7", "0d", "d", "7 d", "-1d"])("refuses the window %s", (window) => {
    const node = { ...makeCondition("event"), window } as ReturnType<typeof makeCondition>;
    expect(() => toTree(makeGroup("and", [node]))).toThrow(TreeFault);
  });

  it("refuses an empty group below the root and values that are no numbers", () => {
    expect(() => toTree(makeGroup("and", [makeGroup("or")]))).toThrow(TreeFault);
    const feature = makeCondition("feature", "likes_30d");
    if (feature.type === "feature") feature.compare[0].value = "many";
    expect(() => toTree(makeGroup("and", [feature]))).toThrow(TreeFault);
  });

  it("counts conditions, not groups", () => {
    expect(conditionCount(fromTree(kDocumented))).toBe(7);
  });
});
