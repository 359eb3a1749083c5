// @ts-expect-error: the console has no types of Node
import { webcrypto } from "node:crypto";
import { describe, expect, it } from "vitest";
import { cell, csv } from "../src/lib/csv";
import * as format from "../src/lib/format";
import { byteLength, faults, filled, variables } from "../src/lib/message";
import { randomAesKey, randomToken } from "../src/lib/secrets";

// Browsers have it; Node 18 keeps it in a module.
if (!globalThis.crypto) Object.defineProperty(globalThis, "crypto", { value: webcrypto });

describe("format", () => {
  it("shows times in Shanghai whatever the machine's zone", () => {
    expect(format.time("2026-02-28T18:00:00Z")).toBe("2026-03-01 02:00:00");
    expect(format.minute("2026-03-01T02:05:00Z")).toBe("10:05");
    expect(format.time(null)).toBe("–");
    expect(format.time("soon")).toBe("–");
  });

  it("takes wall time back to the instant it came from", () => {
    const instant = "2026-03-01T02:30:00Z";
    expect(format.toLocalInput(instant)).toBe("2026-03-01T10:30");
    expect(new Date(format.fromLocalInput("2026-03-01T10:30")!).toISOString()).toBe("2026-03-01T02:30:00.000Z");
    expect(format.fromLocalInput("")).toBeNull();
    expect(format.toLocalInput("")).toBe("");
  });

  it("shows money in yuan", () => {
    expect(format.yuan(123456)).toBe("¥1,234.56");
    expect(format.yuan(-5)).toBe("−¥0.05");
    expect(format.yuan(0)).toBe("¥0.00");
    expect(format.yuan(null)).toBe("–");
  });

  it("shows numbers, shares and differences", () => {
    expect(format.number(1234567)).toBe("1,234,567");
    expect(format.number(Number.NaN)).toBe("–");
    expect(format.percent(0.0712)).toBe("7.1 %");
    expect(format.points(0.05)).toBe("+5.0");
    expect(format.points(-0.05)).toBe("−5.0");
    expect(format.points(0)).toBe("0.0");
    expect(format.pValue(0.00001)).toBe("< 0.0001");
    expect(format.pValue(0.0312)).toBe("0.031");
  });

  it("knows which values are money", () => {
    expect(format.unitOf("purchase_fen_30d")).toBe("fen");
    expect(format.unitOf("purchases_30d", "")).toBe("");
    expect(format.unitOf("spent", "fen")).toBe("fen");
    expect(format.unitOf("reading_seconds_30d")).toBe("seconds");
    expect(format.valueIn("fen", 990)).toBe("¥9.90");
  });

  it("shows sizes and durations", () => {
    expect(format.bytes(1536)).toBe("1.5 KB");
    expect(format.bytes(12)).toBe("12 B");
    expect(format.duration(95)).toBe("1:35");
    expect(format.duration(3725)).toBe("1:02:05");
    expect([format.took(0.0004), format.took(0.123), format.took(2.504)]).toEqual(["0.4 ms", "123 ms", "2.5 s"]);
    expect(format.shortId("p_abcdefghijklmnop")).toBe("p_abcdefghij…");
    expect(format.shortId("short")).toBe("short");
  });
});

describe("csv", () => {
  it("quotes what needs it", () => {
    expect(csv(["a", "b"], [["x,y", 'say "hi"'], ["两\n行", null]])).toBe('a,b\r\n"x,y","say ""hi"""\r\n"两\n行",\r\n');
  });

  it("defuses formulas but leaves negative numbers alone", () => {
    expect(cell("=1+1")).toBe("'=1+1");
    expect(cell("@SUM(A1)")).toBe("'@SUM(A1)");
    expect(cell(-3)).toBe("-3");
  });
});

describe("message variables", () => {
  it("finds names and fallbacks", () => {
    expect(variables("你好 {{name|朋友}},看 {{ link }}")).toEqual([
      { name: "name", fallback: "朋友" },
      { name: "link", fallback: null },
    ]);
  });

  it("fills with values, then fallbacks, and leaves what has neither", () => {
    expect(filled("{{name|朋友}} {{city}}", {})).toBe("朋友 {{city}}");
    expect(filled("{{name|朋友}}", { name: "小王" })).toBe("小王");
  });

  it("reports braces that do not pair and names that are empty", () => {
    expect(faults("{{name")).toEqual(["braces"]);
    expect(faults("{{|朋友}}")).toEqual(["name"]);
    expect(faults("{{name|朋友}} {{link}}")).toEqual([]);
  });

  it("counts bytes as WeChat does", () => {
    expect(byteLength("知音ab")).toBe(8);
  });
});

describe("secrets", () => {
  it("makes tokens and keys that strict decoders take", () => {
    for (let round = 0; round < 50; ++round) {
      const key = randomAesKey();
      expect(key).toMatch(/^[A-Za-z0-9]{43}$/);
      const bytes = Uint8Array.from(atob(`${key}=`), (one) => one.charCodeAt(0));
      expect(bytes.length).toBe(32);
      expect(btoa(String.fromCharCode(...bytes))).toBe(`${key}=`);
    }
    expect(randomToken()).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(randomToken()).not.toBe(randomToken());
  });
});
