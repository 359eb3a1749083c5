/** Items as a form has them. */
import type { CatalogueItem } from "../api/recommend";
import { fromLocalInput, toLocalInput } from "./format";

export const statusTone = (status: string): string => ({ available: "green", upcoming: "blue", expired: "", out_of_stock: "amber", hidden: "" })[status] ?? "";

export interface ItemFields {
  title: string;
  tags: string;
  category: string;
  author: string;
  campaign: string;
  price: string;
  stock: string;
  valid_from: string;
  valid_until: string;
  url: string;
  cover: string;
}

export function fieldsOf(item: CatalogueItem): ItemFields {
  const plain = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));
  return {
    title: item.title ?? "", tags: (item.tags ?? []).join(" "), category: item.category ?? "", author: item.author ?? "", campaign: item.campaign ?? "",
    price: item.price === null || item.price === undefined ? "" : String(item.price / 100), stock: plain(item.stock),
    valid_from: toLocalInput(item.valid_from), valid_until: toLocalInput(item.valid_until), url: item.url ?? "", cover: item.cover ?? "",
  };
}

/** The item with what the form says; members that the form does not show stay. Emptied ones are left out. */
export function itemOf(item: CatalogueItem, fields: ItemFields): CatalogueItem {
  const whole = (text: string, unit: number) => (text.trim() === "" ? null : Math.round(Number(text) * unit));
  const wanted: Record<string, unknown> = {
    ...item, title: fields.title.trim(), tags: [...new Set(fields.tags.split(/[\s,，、]+/).filter(Boolean))], category: fields.category.trim(), author: fields.author.trim(), campaign: fields.campaign.trim(),
    price: whole(fields.price, 100), stock: whole(fields.stock, 1), valid_from: fromLocalInput(fields.valid_from), valid_until: fromLocalInput(fields.valid_until),
    url: fields.url.trim(), cover: fields.cover.trim(),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null && value !== "")) as unknown as CatalogueItem;
}
