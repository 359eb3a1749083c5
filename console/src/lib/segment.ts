/**
 * The segment tree of docs/api.md, and the form that the editor shows for it. `fromTree` and `toTree`
 * are inverse up to spelling: what they make means the same to the server.
 */

import type { Tree } from "../api/types";

export const kOperators = ["=", "!=", "<", "<=", ">", ">=", "in"] as const;
export type Operator = (typeof kOperators)[number];

/** `value` as typed; a list is separated by commas. */
export interface Comparison {
  op: Operator;
  value: string;
  as: "number" | "text" | "boolean";
}

interface Common {
  key: number;
  not: boolean;
}
export interface Group extends Common {
  type: "group";
  op: "and" | "or";
  children: FormNode[];
}
export interface EventCondition extends Common {
  type: "event";
  event: string;
  measure: "count" | "sum";
  compare: Comparison[];
  window: string;
  itemKind: string;
  itemId: string;
  itemTag: string;
  account: string;
}
/** `name` is the feature, trait or interest. */
export interface NamedCondition extends Common {
  type: "feature" | "trait" | "interest";
  name: string;
  compare: Comparison[];
}
export interface FollowingCondition extends Common {
  type: "following";
  account: string;
}
export interface AllCondition extends Common {
  type: "all";
}
export type Condition = EventCondition | NamedCondition | FollowingCondition | AllCondition;
export type FormNode = Group | Condition;
export type ConditionType = Condition["type"];

/** Why a tree or a form cannot be used; `path` like `and[0].count`. */
export class TreeFault extends Error {
  constructor(
    readonly path: string,
    readonly fault: string,
  ) {
    super(path ? `${path}: ${fault}` : fault);
  }
}

export const kDepthMax = 16;

let lastKey = 0;
const nextKey = () => ++lastKey;

export function makeGroup(op: "and" | "or" = "and", children: FormNode[] = []): Group {
  return { key: nextKey(), type: "group", op, not: false, children };
}

export function makeCondition(type: ConditionType, name = ""): Condition {
  const common = { key: nextKey(), not: false };
  const compare = (op: Operator, value: string): Comparison[] => [{ op, value, as: "number" }];
  switch (type) {
    case "event":
      return {
        ...common, type, event: name || "read", measure: "count", compare: compare(">=", "1"),
        window: "30d", itemKind: "", itemId: "", itemTag: "", account: "",
      };
    case "feature":
      return { ...common, type, name, compare: compare(">=", "1") };
    case "interest":
      return { ...common, type, name, compare: compare(">=", "0.3") };
    case "trait":
      return { ...common, type, name, compare: [{ op: "=", value: "", as: "text" }] };
    case "following":
      return { ...common, type, account: name };
    case "all":
      return { ...common, type };
  }
}

// ---- tree to form ----

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new TreeFault(path, "must be text");
  return value;
}

function onlyKeys(tree: Record<string, unknown>, allowed: string[], path: string): void {
  for (const key of Object.keys(tree)) {
    if (!allowed.includes(key)) throw new TreeFault(path ? `${path}.${key}` : key, "unknown member");
  }
}

function comparisonValue(value: unknown, path: string): Pick<Comparison, "value" | "as"> {
  if (typeof value === "number") return { value: String(value), as: "number" };
  if (typeof value === "boolean") return { value: String(value), as: "boolean" };
  if (typeof value === "string") return { value, as: "text" };
  if (Array.isArray(value) && value.every((one) => typeof one === "number")) {
    return { value: value.join(","), as: "number" };
  }
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) {
    return { value: value.join(","), as: "text" };
  }
  throw new TreeFault(path, "must be a number, a text, true or false, or a list");
}

function comparisons(value: unknown, path: string, numbers: boolean): Comparison[] {
  if (!isObject(value)) throw new TreeFault(path, 'must be a comparison such as {">=": 3}');
  const list = Object.entries(value).map(([op, right]) => {
    const here = `${path}["${op}"]`;
    if (!kOperators.includes(op as Operator)) throw new TreeFault(here, "unknown comparison");
    if (op === "in" && numbers) throw new TreeFault(here, "only traits can be compared with a list");
    const one = { op: op as Operator, ...comparisonValue(right, here) };
    if (numbers && one.as !== "number") throw new TreeFault(here, "must be a number");
    if ((op === "in") !== Array.isArray(right)) throw new TreeFault(here, "a list goes with `in` only");
    return one;
  });
  if (list.length === 0) throw new TreeFault(path, "has no comparison");
  return list;
}

function eventCondition(tree: Tree, path: string): EventCondition {
  onlyKeys(tree, ["event", "count", "sum", "window", "item", "account"], path);
  if ("count" in tree && "sum" in tree) throw new TreeFault(path, "takes count or sum, not both");
  const item = tree.item ?? {};
  if (!isObject(item)) throw new TreeFault(`${path}.item`, "must be an object");
  onlyKeys(item, ["kind", "id", "tag"], `${path}.item`);
  const measure = "sum" in tree ? "sum" : "count";
  const made = makeCondition("event", text(tree.event, `${path}.event`)) as EventCondition;
  return {
    ...made,
    measure,
    compare: measure in tree ? comparisons(tree[measure], `${path}.${measure}`, true) : made.compare,
    window: tree.window === undefined ? "" : text(tree.window, `${path}.window`),
    itemKind: item.kind === undefined ? "" : text(item.kind, `${path}.item.kind`),
    itemId: item.id === undefined ? "" : text(item.id, `${path}.item.id`),
    itemTag: item.tag === undefined ? "" : text(item.tag, `${path}.item.tag`),
    account: tree.account === undefined ? "" : text(tree.account, `${path}.account`),
  };
}

function namedCondition(type: NamedCondition["type"], tree: Tree, path: string): NamedCondition {
  onlyKeys(tree, [type, "is"], path);
  const made = makeCondition(type, text(tree[type], `${path}.${type}`)) as NamedCondition;
  return { ...made, compare: comparisons(tree.is, `${path}.is`, type !== "trait") };
}

function nodeFrom(tree: unknown, path: string, depth: number): FormNode {
  if (depth > kDepthMax) throw new TreeFault(path, "is nested too deeply");
  if (!isObject(tree)) throw new TreeFault(path, "must be an object");
  const below = (name: string) => (path ? `${path}.${name}` : name);
  for (const op of ["and", "or"] as const) {
    if (!(op in tree)) continue;
    onlyKeys(tree, [op], path);
    const list = tree[op];
    if (!Array.isArray(list)) throw new TreeFault(below(op), "must be a list");
    return makeGroup(op, list.map((one, at) => nodeFrom(one, `${below(op)}[${at}]`, depth + 1)));
  }
  if ("not" in tree) {
    onlyKeys(tree, ["not"], path);
    const inner = nodeFrom(tree.not, below("not"), depth + 1);
    return { ...inner, not: !inner.not };
  }
  if ("event" in tree) return eventCondition(tree, path);
  for (const type of ["feature", "trait", "interest"] as const) {
    if (type in tree) return namedCondition(type, tree, path);
  }
  if ("following" in tree) {
    onlyKeys(tree, ["following"], path);
    return makeCondition("following", text(tree.following, below("following")));
  }
  if (tree.all === true) {
    onlyKeys(tree, ["all"], path);
    return makeCondition("all");
  }
  throw new TreeFault(path, "is no condition");
}

/** The form of a tree; throws TreeFault. The root is always a group. */
export function fromTree(tree: unknown): Group {
  const root = nodeFrom(tree, "", 0);
  if (root.type === "group") return root;
  if (root.type === "all" && !root.not) return makeGroup();
  return makeGroup("and", [root]);
}

// ---- form to tree ----

function comparisonOut(one: Comparison, path: string, numbers: boolean): unknown {
  const parse = (raw: string): unknown => {
    const typed = raw.trim();
    if (typed === "") throw new TreeFault(path, "value missing");
    if (!numbers && one.as === "text") return typed;
    if (!numbers && one.as === "boolean") return typed === "true";
    const value = Number(typed);
    if (!Number.isFinite(value)) throw new TreeFault(path, "number expected");
    return value;
  };
  return one.op === "in" ? one.value.split(/[,，、]/).map(parse) : parse(one.value);
}

function comparisonsOut(list: Comparison[], path: string, numbers: boolean): Tree {
  return Object.fromEntries(list.map((one) => [one.op, comparisonOut(one, path, numbers)]));
}

const kWindow = /^[1-9]\d{0,8}[smhdw]$/;

function eventOut(node: EventCondition, path: string): Tree {
  if (!node.event) throw new TreeFault(path, "name missing");
  if (node.window && !kWindow.test(node.window)) throw new TreeFault(path, "window form");
  const item: Tree = {};
  if (node.itemKind) item.kind = node.itemKind;
  if (node.itemId) item.id = node.itemId;
  if (node.itemTag) item.tag = node.itemTag;
  return {
    event: node.event,
    [node.measure]: comparisonsOut(node.compare, path, true),
    ...(node.window ? { window: node.window } : {}),
    ...(Object.keys(item).length ? { item } : {}),
    ...(node.account ? { account: node.account } : {}),
  };
}

function plainOut(node: FormNode, path: string): Tree {
  switch (node.type) {
    case "group":
      if (node.children.length === 0) throw new TreeFault(path, "group empty");
      return { [node.op]: node.children.map((one, at) => nodeOut(one, `${path}${at + 1}.`)) };
    case "event":
      return eventOut(node, path);
    case "following":
      if (!node.account) throw new TreeFault(path, "name missing");
      return { following: node.account };
    case "all":
      return { all: true };
    default:
      if (!node.name) throw new TreeFault(path, "name missing");
      return { [node.type]: node.name, is: comparisonsOut(node.compare, path, node.type !== "trait") };
  }
}

function nodeOut(node: FormNode, path: string): Tree {
  const plain = plainOut(node, path);
  return node.not ? { not: plain } : plain;
}

/** The tree of a form; throws TreeFault whose path counts conditions from 1 (`2.1.`). An empty root is everyone. */
export function toTree(root: Group): Tree {
  if (root.children.length === 0) return root.not ? { not: { all: true } } : { all: true };
  return nodeOut(root, "");
}

/** How many conditions a tree has. */
export function conditionCount(node: FormNode): number {
  if (node.type !== "group") return 1;
  return node.children.reduce((sum, one) => sum + conditionCount(one), 0);
}
