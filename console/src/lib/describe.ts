import type { Tree } from "../api/types";
import { language, t, word } from "../i18n";
import { featureUnit, featureWords } from "../use/vocabulary";
import { number, time, unitOf, yuan } from "./format";

/** Conditions and their evidence in the operator's words. */

const kWindowUnits = { s: "unit.seconds", m: "unit.minutes", h: "unit.hours", d: "unit.days", w: "unit.weeks" } as const;

/** `7d` → 7 days; what has another form stays as it is. */
export function spanWords(span: string): string {
  const match = /^(\d+)([smhdw])$/.exec(span);
  return match ? t(kWindowUnits[match[2] as keyof typeof kWindowUnits], { n: match[1] }) : span;
}

export function windowWords(window: unknown): string {
  return window ? t("segment.within", { span: spanWords(String(window)) }) : t("segment.ever");
}

/** Why there is no estimate, where the reason is one of the known ones. */
export function refusalWords(refused: string): string {
  const few = /^fewer than (\d+) (people in an arm|conversions)$/.exec(refused);
  if (!few) return refused;
  return t(few[2] === "conversions" ? "report.few_conversions" : "report.few_people", { n: few[1] });
}

/** `purchase within 7d`, as reports call the outcome, in the operator's words. */
export function metricWords(metric: string): string {
  const match = /^(\S+) within (\S+)$/.exec(metric);
  return match ? t("campaign.goal_words", { event: word("kind", match[1]), window: spanWords(match[2]) }) : metric;
}

function operand(value: unknown, fen: boolean): string {
  if (Array.isArray(value)) return value.join("、");
  return typeof value === "number" ? (fen ? yuan(value) : number(value, 4)) : String(value);
}

function comparisonWords(compare: unknown, fen = false): string {
  if (compare === null || typeof compare !== "object") return "";
  return Object.entries(compare)
    .map(([op, value]) => `${word("op", op)} ${operand(value, fen)}`)
    .join(t("segment.and_also"));
}

function itemWords(item: unknown): string {
  if (item === null || typeof item !== "object") return "";
  const { kind, id, tag } = item as Record<string, string | undefined>;
  const parts = [kind ? word("item", kind) : "", id ?? "", tag ? t("segment.tagged", { tag }) : ""].filter(Boolean);
  return parts.length ? ` ${parts.join(language.value === "zh" ? "" : " ")}` : "";
}

function eventWords(node: Tree): string {
  const kind = String(node.event);
  const measured = "sum" in node ? node.sum : (node.count ?? { ">=": 1 });
  const fen = "sum" in node && unitOf(kind) === "fen";
  const what = `${word("kind", kind)}${itemWords(node.item)}`;
  const measure = t("sum" in node ? "segment.sum" : "segment.count");
  const account = node.account ? ` @${String(node.account)}` : "";
  return `${windowWords(node.window)} ${what}${account} ${measure} ${comparisonWords(measured, fen)}`;
}

/** One node without its children. */
export function nodeWords(node: Tree): string {
  if ("and" in node) return t("segment.all_of");
  if ("or" in node) return t("segment.any_of");
  if ("not" in node) return t("segment.not_of");
  if ("event" in node) return eventWords(node);
  if ("feature" in node) {
    const name = String(node.feature);
    return `${featureWords(name)} ${comparisonWords(node.is, featureUnit(name) === "fen")}`;
  }
  if ("trait" in node) return `${word("trait", String(node.trait))} ${comparisonWords(node.is)}`;
  if ("interest" in node) return `${t("segment.interest_in", { tag: String(node.interest) })} ${comparisonWords(node.is)}`;
  if ("following" in node) return t("segment.follows", { account: String(node.following) });
  if (node.all === true) return t("segment.everyone");
  return JSON.stringify(node);
}

export function childrenOf(node: Tree): Tree[] {
  const below = node.and ?? node.or ?? node.not;
  if (Array.isArray(below)) return below as Tree[];
  return below !== null && typeof below === "object" ? [below as Tree] : [];
}

/** What the server found for a condition, whatever shape it took. */
export function evidenceWords(evidence: unknown, fen = false): string {
  if (evidence === null || evidence === undefined) return t("segment.no_evidence");
  if (typeof evidence === "number") return fen ? yuan(evidence) : number(evidence, 4);
  if (typeof evidence === "string") return /^\d{4}-\d\d-\d\dT/.test(evidence) ? time(evidence) : evidence;
  if (typeof evidence === "boolean") return t(evidence ? "word.yes" : "word.no");
  if (Array.isArray(evidence)) return evidence.map((one) => evidenceWords(one)).join("、");
  const parts = Object.entries(evidence)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${word("evidence", name)} ${evidenceWords(value, fen && (name === "sum" || name === "value"))}`);
  return parts.join(language.value === "zh" ? "，" : ", ") || t("segment.no_evidence");
}
