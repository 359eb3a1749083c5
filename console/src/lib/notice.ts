/** Names of fields that say who somebody is; everything of them but the ends is left out. */
const kPerson = /open_?id|union_?id|user_?id|username|userid|phone|mobile|email|member|memchange|owner|creator|^from$/i;
/** Which account it was for and when stands elsewhere on the page. */
const kKnown = new Set(["ToUserName", "CreateTime", "MsgType", "Event"]);
const kValueMax = 200;

export function shortened(text: string): string {
  return text.length <= 4 ? "…" : `${text.slice(0, 2)}…${text.slice(-2)}`;
}

/** The fields of a notice as they may be shown: flat, people shortened, long values cut. */
export function shownFields(fields: unknown): [string, string][] {
  const shown: [string, string][] = [];
  const walk = (name: string, value: unknown, personal: boolean): void => {
    if (value !== null && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        walk(name ? `${name}.${key}` : key, inner, personal || (!Array.isArray(value) && kPerson.test(key)));
      }
      return;
    }
    if (kKnown.has(name)) return;
    const text = String(value ?? "");
    if (text === "") return;
    shown.push([name, personal ? shortened(text) : text.length > kValueMax ? `${text.slice(0, kValueMax)}…` : text]);
  };
  walk("", fields ?? {}, false);
  return shown;
}
