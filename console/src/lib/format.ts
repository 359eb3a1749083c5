/** Pure formatting. Times are shown in Asia/Shanghai, money is integer fen shown in yuan. */

export const kZone = "Asia/Shanghai";
const kNone = "–";

const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: kZone,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** `2026-03-01 10:00:00`; a dash when there is no valid time. */
export function time(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === "") return kNone;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? kNone : clock.format(date);
}

/** `10:00` */
export function minute(value: string): string {
  return time(value).slice(11, 16);
}

/** What `<input type=datetime-local>` shows for an instant: wall time in Shanghai. */
export function toLocalInput(value: string | null | undefined): string {
  const text = time(value);
  return text === kNone ? "" : text.slice(0, 16).replace(" ", "T");
}

/** The instant meant by wall time in Shanghai, which has kept +08:00 since 1991. */
export function fromLocalInput(value: string): string | null {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(value) ? `${value}:00+08:00` : null;
}

/** Grouped digits, at most `digits` decimals. */
export function number(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return kNone;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** 0.0712 → `7.12 %` */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return kNone;
  return `${(share * 100).toFixed(digits)} %`;
}

/** With its sign, as a difference: 0.05 → `+5.0` (percentage points). */
export function points(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return kNone;
  const text = (share * 100).toFixed(digits);
  return share > 0 ? `+${text}` : text.replace("-", "−");
}

/** 123456 fen → `¥1,234.56` */
export function yuan(fen: number | null | undefined): string {
  if (fen === null || fen === undefined || !Number.isFinite(fen)) return kNone;
  const text = Math.abs(fen / 100).toLocaleString("en-US", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  return `${fen < 0 ? "−" : ""}¥${text}`;
}

/** A p value as people read it. */
export function pValue(p: number | null | undefined): string {
  if (p === null || p === undefined || !Number.isFinite(p)) return kNone;
  return p < 0.0001 ? "< 0.0001" : p.toFixed(p < 0.01 ? 4 : 3);
}

/** 1536 → `1.5 KB` */
export function bytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    ++unit;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** 95 s → `1:35`, 3725 s → `1:02:05` */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return kNone;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** How long something short took: 0.0123 → `12 ms`, 2.5 → `2.5 s` */
export function took(seconds: number): string {
  return seconds < 1 ? `${number(seconds * 1000, seconds < 0.01 ? 1 : 0)} ms` : `${number(seconds, 2)} s`;
}

/** Ids are long; the head tells them apart well enough. */
export function shortId(id: string, length = 12): string {
  return id.length > length + 1 ? `${id.slice(0, length)}…` : id;
}

export type Unit = "fen" | "seconds" | "";

/** The unit that a feature's or event's value is in, from what the server says or from its name. */
export function unitOf(name: string, told = ""): Unit {
  if (told) return told === "fen" ? "fen" : /^s(ec|econds?)?$/.test(told) ? "seconds" : "";
  if (/(^|_)fen(_|$)/.test(name) || name === "purchase" || name === "refund") return "fen";
  return /(^|_)seconds(_|$)/.test(name) ? "seconds" : "";
}

/** A value in its unit: money as yuan, everything else as a number. */
export function valueIn(unit: Unit, value: number | null | undefined): string {
  if (unit === "fen") return yuan(value);
  return number(value);
}
