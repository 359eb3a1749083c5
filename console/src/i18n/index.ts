import { ref } from "vue";
import { messages } from "./messages";

export type Language = "zh" | "en";
export type Key = keyof typeof messages;

const kRemembered = "zhiyin.language";

function remembered(): Language {
  try {
    return localStorage.getItem(kRemembered) === "en" ? "en" : "zh";
  } catch {
    return "zh"; // storage can be switched off
  }
}

export const language = ref<Language>(remembered());

export function setLanguage(next: Language): void {
  language.value = next;
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  try {
    localStorage.setItem(kRemembered, next);
  } catch {
    // not remembered then
  }
}

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text in the present language; `{name}` takes its value. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return fill(messages[key][language.value === "zh" ? 0 : 1], values);
}

/** The text of `prefix.name` when there is one, else the name itself: for words that come from the server. */
export function word(prefix: string, name: string | null | undefined): string {
  if (name === null || name === undefined) return "–";
  const key = `${prefix}.${name}`;
  return key in messages ? t(key as Key) : name;
}
