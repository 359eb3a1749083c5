import type { Campaign, Message } from "../api/types";
import { fromLocalInput, toLocalInput } from "./format";
import { byteLength, faults } from "./message";

/** The campaign editor's form; text fields hold what is typed. */
export interface CampaignForm {
  id: string;
  name: string;
  account: string;
  segment: string;
  holdoutPercent: number;
  channel: Campaign["channel"];
  purpose: "marketing" | "notification";
  type: "text" | "news" | "template";
  text: string;
  link: string;
  title: string;
  description: string;
  picture: string;
  templateId: string;
  data: { name: string; value: string }[];
  at: string;
  goalEvent: string;
  goalWindow: string;
}

export const kTextBytesMax = 2048;
export const kHoldoutPercentMax = 90;

export function emptyForm(): CampaignForm {
  return {
    id: "", name: "", account: "", segment: "", holdoutPercent: 10, channel: "mass", purpose: "marketing",
    type: "text", text: "", link: "", title: "", description: "", picture: "", templateId: "",
    data: [{ name: "", value: "" }], at: "", goalEvent: "purchase", goalWindow: "7d",
  };
}

export function formOf(campaign: Campaign): CampaignForm {
  const message = campaign.message ?? { type: "text" };
  const data = Object.entries(message.data ?? {}).map(([name, value]) => ({ name, value: String(value) }));
  return {
    ...emptyForm(),
    id: campaign.id,
    name: campaign.name,
    account: campaign.account,
    segment: campaign.segment,
    holdoutPercent: Math.round(campaign.holdout * 1000) / 10,
    channel: campaign.channel,
    purpose: campaign.purpose ?? "marketing",
    type: message.type as CampaignForm["type"],
    text: message.text ?? "",
    link: message.link ?? "",
    title: message.title ?? "",
    description: message.description ?? "",
    picture: message.picture_url ?? "",
    templateId: message.template_id ?? "",
    data: data.length ? data : [{ name: "", value: "" }],
    at: toLocalInput(campaign.at),
    goalEvent: campaign.goal?.event ?? "",
    goalWindow: campaign.goal?.window ?? "7d",
  };
}

function messageOf(form: CampaignForm): Message {
  const link = form.link.trim() ? { link: form.link.trim() } : {};
  if (form.type === "template") {
    const filled = form.data.filter((row) => row.name.trim());
    const data = Object.fromEntries(filled.map((row) => [row.name.trim(), row.value]));
    return { type: "template", template_id: form.templateId.trim(), data, ...link };
  }
  if (form.type === "news") {
    const picture = form.picture.trim() ? { picture_url: form.picture.trim() } : {};
    return { type: "news", title: form.title.trim(), description: form.description, ...picture, ...link };
  }
  return { type: "text", text: form.text, ...link };
}

/** The body of PUT /v1/campaigns/{id}. */
export function campaignOf(form: CampaignForm): Campaign {
  const at = fromLocalInput(form.at);
  return {
    id: form.id.trim(),
    name: form.name.trim(),
    account: form.account,
    segment: form.segment,
    holdout: Math.round(form.holdoutPercent * 10) / 1000,
    channel: form.channel,
    purpose: form.purpose,
    message: messageOf(form),
    ...(at ? { at } : {}),
    ...(form.goalEvent ? { goal: { event: form.goalEvent, window: form.goalWindow } } : {}),
  };
}

export type Fault = "id" | "name" | "account" | "segment" | "text" | "too_long" | "braces" | "link" | "link_missing" | "title" | "template" | "purpose" | "variables_in_mass";

function textFaults(text: string): Fault[] {
  const found: Fault[] = [];
  if (byteLength(text) > kTextBytesMax) found.push("too_long");
  if (faults(text).length) found.push("braces");
  return found;
}

/** What has to be put right before the campaign can be kept. */
export function formFaults(form: CampaignForm): Fault[] {
  const found: Fault[] = [];
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(form.id.trim())) found.push("id");
  if (!form.name.trim()) found.push("name");
  if (!form.account) found.push("account");
  if (!form.segment) found.push("segment");
  if (form.type === "text") {
    if (!form.text.trim()) found.push("text");
    found.push(...textFaults(form.text));
    if (/\{\{\s*link\s*(\|[^{}]*)?\}\}/.test(form.text) && !form.link.trim()) found.push("link_missing");
  }
  if (form.type === "news" && !form.title.trim()) found.push("title");
  if (form.type === "template" && !form.templateId.trim()) found.push("template");
  if (form.link.trim() && !/^https?:\/\/\S+$/.test(form.link.trim())) found.push("link");
  if (form.channel === "template" && form.purpose !== "notification") found.push("purpose");
  if (form.channel === "mass" && /\{\{(?!\s*link\s*(\|[^{}]*)?\}\})[^{}]*\}\}/.test(form.text)) found.push("variables_in_mass");
  return found;
}

/** A channel decides what its message may be. */
export function setChannel(form: CampaignForm, channel: Campaign["channel"]): void {
  form.channel = channel;
  if (channel === "template") {
    form.type = "template";
    form.purpose = "notification";
  } else if (form.type === "template" || (channel === "mass" && form.type === "news")) {
    form.type = "text";
    form.purpose = "marketing";
  }
}
