/** Editors' lists as a form has them. */
import type { EditorList, EditorListItem } from "../api/recommend";
import { fromLocalInput, toLocalInput } from "./format";
import { itemKey } from "./recommend";

export const kItemsMax = 500;
export const kNameMax = 64;
export const kSharePercentMax = 50;

export const listTone = (state: string): string => ({ active: "green", upcoming: "blue", expired: "amber", disabled: "" })[state] ?? "";

export interface EditorForm {
  id: string;
  name: string;
  account: string;
  valid_from: string;
  valid_until: string;
  enabled: boolean;
  share_percent: number;
  items: EditorListItem[];
}

export const emptyEditorForm = (): EditorForm => ({ id: "", name: "", account: "", valid_from: "", valid_until: "", enabled: true, share_percent: 10, items: [] });

export function editorFormOf(list: EditorList): EditorForm {
  return {
    id: list.id, name: list.name, account: list.account ?? "", valid_from: toLocalInput(list.valid_from), valid_until: toLocalInput(list.valid_until),
    enabled: list.enabled, share_percent: Math.round(list.share * 1000) / 10, items: [...(list.contents ?? [])],
  };
}

/** The body of a PUT. `stored`: what the form was made from; a moment that was not touched keeps its seconds. */
export function editorListOf(form: EditorForm, stored?: EditorList | null) {
  const moment = (text: string, before: string | null | undefined) => (before && toLocalInput(before) === text ? before : fromLocalInput(text));
  return {
    name: form.name.trim(), items: form.items.map(({ kind, id }) => ({ kind, id })), account: form.account,
    valid_from: moment(form.valid_from, stored?.valid_from), valid_until: moment(form.valid_until, stored?.valid_until),
    enabled: form.enabled, share: stored && Math.round(stored.share * 1000) / 10 === form.share_percent ? stored.share : Math.round(form.share_percent * 10) / 1000,
  };
}

export type EditorFault = "id" | "name" | "items" | "share" | "valid";

/** What keeps the form from being saved. */
export function editorFaults(form: EditorForm): EditorFault[] {
  const found: EditorFault[] = [];
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(form.id)) found.push("id");
  const name = [...form.name.trim()].length;
  if (name === 0 || name > kNameMax) found.push("name");
  if (form.items.length === 0 || form.items.length > kItemsMax) found.push("items");
  if (!(form.share_percent >= 0 && form.share_percent <= kSharePercentMax)) found.push("share");
  if (form.valid_from && form.valid_until && form.valid_until <= form.valid_from) found.push("valid");
  return found;
}

/** The list with the item at `from` moved to `to`. */
export function movedTo<T>(list: T[], from: number, to: number): T[] {
  if (from < 0 || from >= list.length || to < 0 || to >= list.length) return list;
  const out = [...list];
  const [one] = out.splice(from, 1);
  out.splice(to, 0, one);
  return out;
}

/** With `item` at its end, unless it is there or the list is full. */
export function withItem(list: EditorListItem[], item: EditorListItem): EditorListItem[] {
  return list.length >= kItemsMax || list.some((one) => itemKey(one) === itemKey(item)) ? list : [...list, item];
}

/** How many items there are of each status, those that can be shown first. */
export function byStatus(items: { status: string }[]): [string, number][] {
  const counts = new Map<string, number>([["available", 0]]);
  for (const one of items) counts.set(one.status, (counts.get(one.status) ?? 0) + 1);
  return [...counts];
}
