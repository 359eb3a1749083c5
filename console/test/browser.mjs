// A headless Chromium that remembers everything that went wrong in a page.
import { chromium } from "playwright-core";

const kArguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const kQuiet_ms = 150;
// Machines that build something else at the same time are slow.
const kPatience_ms = 40_000;

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: kArguments });
}

/** A new page with its own cookies. `faults` collects console errors, uncaught exceptions and failed requests; what an
 * `expected` pattern matches is left out. */
export async function openPage(browser, { width = 1440, height = 900, language = "zh", expected = [] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: language === "zh" ? "zh-CN" : "en-US", timezoneId: "America/New_York" });
  await context.addInitScript((chosen) => {
    if (location.protocol.startsWith("http") && !localStorage.getItem("zhiyin.language")) localStorage.setItem("zhiyin.language", chosen);
  }, language);
  const page = await context.newPage();
  page.setDefaultTimeout(kPatience_ms);
  const faults = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) faults.push(`${page.url()}: ${text}`);
  };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") note(`console ${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => note(`exception: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400) note(`HTTP ${response.status()}: ${response.request().method()} ${response.url()}`);
  });
  const busy = new Set();
  page.on("request", (request) => {
    if (request.isNavigationRequest()) busy.clear(); // what the page before was waiting for is not told any more
    busy.add(request);
  });
  page.on("requestfinished", (request) => busy.delete(request));
  page.on("requestfailed", (request) => {
    busy.delete(request);
    // A page that is left ends its questions.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") note(`request failed: ${request.url()} ${request.failure()?.errorText}`);
  });

  /** Until a page is there, nothing has been asked for a moment, and nothing shows that it is loading. */
  async function settle() {
    const end = Date.now() + kPatience_ms;
    let quietSince = Date.now();
    while (Date.now() < end) {
      await page.waitForTimeout(40);
      const there = (await page.locator("h1").count()) > 0 && (await page.locator(".is-loading").count()) === 0;
      if (busy.size > 0 || !there) quietSince = Date.now();
      else if (Date.now() - quietSince >= kQuiet_ms) return;
    }
    note(`still loading; open requests: ${[...busy].map((one) => one.url()).join(" ")}`);
  }
  return { page, faults, settle, close: () => context.close() };
}
